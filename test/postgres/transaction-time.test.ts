import t from 'tap'
import { DependencyError } from '../../src/errors.ts'
import { openTestApp } from '../support/app.ts'
import { onBothEngines, testOnServers } from '../support/embedded.ts'

const skip = onBothEngines()

const RENAME = { name: 'test_rename', text: 'UPDATE accounts SET display_name = $2 WHERE id = $1' }
const NAME = { name: 'test_name', text: 'SELECT display_name FROM accounts WHERE id = $1' }

t.test('a transaction that comes to its end too late is rolled back', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { postgres } = postern.deps
  const { id } = await postern.createAccount()
  const rename = (name: string, lateMs: number) =>
    postgres.transaction(async (sql) => {
      await sql.query(RENAME, [id, name])
      // As if this process had been stopped for so long.
      const { now } = performance
      const restore = () => Object.assign(performance, { now })
      Object.assign(performance, { now: () => now.call(performance) + lateMs })
      queueMicrotask(() => queueMicrotask(restore))
    })
  await rename('in time', 9_000)
  await t.rejects(rename('too late', 10_001), DependencyError)
  t.same(await postgres.query(NAME, [id]), [{ display_name: 'in time' }])
})

testOnServers(t, 'PostgreSQL ends a transaction in which nothing happens any more', async (t) => {
  const { postgres } = (await openTestApp(t)).deps
  const show = { name: 'test_show', text: `SHOW idle_in_transaction_session_timeout` }
  t.same(await postgres.query(show), [{ idle_in_transaction_session_timeout: '10s' }])
})
