// A statement that PostgreSQL gives up for another's sake can be asked for again: nothing of it has happened.
import t from 'tap'
import { DependencyError, renderError } from '../../src/errors.ts'
import { openTestApp } from '../support/app.ts'
import { onBothEngines, testOnServers } from '../support/embedded.ts'
import { untilWaiting } from '../support/enrollment.ts'

const skip = onBothEngines()

const PID = { name: 'test_pid', text: 'SELECT pg_backend_pid() AS pid' }
const RENAME = {
  name: 'test_rename',
  text: 'UPDATE accounts SET display_name = $2 WHERE id = $1',
}
const NAMES = {
  name: 'test_names',
  text: 'SELECT display_name FROM accounts WHERE id = ANY ($1) ORDER BY id',
}

const renderedOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => null,
    (error: unknown) => ({ isDependency: error instanceof DependencyError, ...renderError(error) }),
  )

t.test('what PostgreSQL gives up for another’s sake', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { postgres } = postern.deps

  for (const [what, code] of [
    ['a serialization failure', '40001'],
    ['a deadlock', '40P01'],
  ] as const) {
    t.test(`${what} is answered “try again”, changes nothing, and keeps the connection`, async (t) => {
      const account = await postern.createAccount()
      const text = `DO $$ BEGIN RAISE EXCEPTION 'given up' USING ERRCODE = '${code}'; END $$`
      const pids: number[] = []
      const rendered = await renderedOf(
        postgres.transaction(async (sql) => {
          for (const { pid } of await sql.query<{ pid: number }>(PID)) pids.push(pid)
          await sql.query(RENAME, [account.id, 'lost'])
          await sql.query({ text })
        }),
      )
      t.match(rendered, {
        isDependency: true,
        status: 503,
        body: { error: 'temporarily_unavailable', retry_after: 1 },
        headers: { 'retry-after': '1' },
      })
      t.same(await postgres.query(NAMES, [[account.id]]), [{ display_name: null }])
      t.same(
        (await postgres.query<{ pid: number }>(PID)).map(({ pid }) => pid),
        pids,
      )
    })
  }

  testOnServers(
    t,
    'of two transactions that wait for each other one is done, the other asked to try again',
    async (t) => {
      const accounts = [await postern.createAccount(), await postern.createAccount()]
      const ids = accounts.map(({ id }) => id).toSorted()
      const [first = '', second = ''] = ids
      const { promise: bothHold, resolve } = Promise.withResolvers<void>()
      let holding = 0
      const renameBoth = (name: string, [one, other]: readonly [string, string]) =>
        renderedOf(
          postgres.transaction(async (sql) => {
            await sql.query(RENAME, [one, name])
            holding += 1
            if (holding === 2) resolve()
            await bothHold
            await sql.query(RENAME, [other, name])
          }),
        )
      const outcomes = Promise.all([renameBoth('a', [first, second]), renameBoth('b', [second, first])])
      await untilWaiting(postern, 2)
      const [lost, ...others] = (await outcomes).filter((outcome) => outcome !== null)
      t.match(lost, { status: 503, headers: { 'retry-after': '1' } })
      t.same(others, [], 'one of them is done')
      const names = await postgres.query<{ display_name: string }>(NAMES, [ids])
      t.equal(new Set(names.map(({ display_name: name }) => name)).size, 1, 'whole')
    },
  )
})
