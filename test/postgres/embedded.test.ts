// The embedded PostgreSQL has one session, which outlives the connections to it: what one leaves behind must not
// reach the next (docs/security.md 44).
import { once } from 'node:events'
import t from 'tap'
import { openEmbeddedPostgres } from '../../src/postgres/embedded.ts'
import { signInAdministrator } from '../support/administrator.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { newDataFolder } from '../support/embedded.ts'
import { eventually } from '../support/eventually.ts'

const open = (t: Parameters<typeof openTestApp>[0]) => openTestApp(t, { engines: 'embedded' })

/** Five requests at once are served; a moment after this thread was busy they are refused as too many. */
const serves = async (postern: TestApp): Promise<boolean> => {
  const account = await postern.createAccount()
  return eventually(5_000, async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => postern.logIn(account)))
    return answers.every(({ status }) => status === 200)
  })
}

// Longer than a statement may take. PGlite runs it on this thread, so that it is over when its time-out is noticed.
const TOO_LONG = { name: 'test_too_long', text: 'SELECT pg_sleep(2)' }
const BEGUN = { name: 'test_begun', text: "UPDATE accounts SET display_name = 'never'" }
const UNFINISHED = {
  name: 'test_unfinished',
  text: "SELECT count(*)::int AS count FROM accounts WHERE display_name = 'never'",
}

t.test('after an error of PostgreSQL, the next requests are served', async (t) => {
  const postern = await open(t)
  const { bearer } = await signInAdministrator(postern)
  const create = () => postern.request('POST', '/v1/admin/accounts', { bearer, body: { username: 'taken' } })
  t.equal((await create()).status, 201)
  for (let i = 0; i < 3; i += 1) t.equal((await create()).status, 409)
  t.ok(await serves(postern))
})

t.test('after a statement that took too long, the next requests are served', async (t) => {
  const postern = await open(t)
  await t.rejects(postern.deps.postgres.query(TOO_LONG), { name: 'DependencyError' })
  t.ok(await serves(postern))
  await t.rejects(postern.deps.postgres.query(TOO_LONG), { name: 'DependencyError' }, 'and again')
  t.ok(await serves(postern))
})

t.test('of a transaction that took too long, nothing is left', async (t) => {
  const postern = await open(t)
  await postern.createAccount()
  const tooLong = postern.deps.postgres.transaction(async (sql) => {
    await sql.query(BEGUN)
    await sql.query(TOO_LONG)
  })
  await t.rejects(tooLong, { name: 'DependencyError' })
  t.ok(await serves(postern))
  t.same(await postern.deps.postgres.query(UNFINISHED), [{ count: 0 }])
})

t.test('a connection that is cut in the middle of a message leaves nothing to the next', async (t) => {
  const postgres = await openEmbeddedPostgres(await newDataFolder())
  t.teardown(() => postgres.close())
  const one = { name: 'test_one', text: 'SELECT 1 AS number' }
  const { connection } = await postgres.connect()
  // A statement with the name of the next one, then an error, after which all is skipped up to an end that never comes.
  connection.parse({ name: one.name, text: 'SELECT 2 AS number', types: [] }, true)
  connection.parse({ name: 'test_wrong', text: 'SELECT nonsense', types: [] }, true)
  connection.flush()
  await once(connection, 'errorMessage')
  connection.stream.destroy()
  t.same(await postgres.query(one), [{ number: 1 }])
})
