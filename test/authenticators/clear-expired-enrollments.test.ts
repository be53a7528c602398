import t from 'tap'
import { clearExpiredEnrollments } from '../../src/authenticators/clear-expired-enrollments.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { begin } from '../support/enrollment.ts'
import { eventually } from '../support/eventually.ts'
import { createDatabase, missingServer, sharedPostgres } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const PENDING = {
  name: 'test_pending',
  text: `SELECT count(*) AS pending FROM authenticators WHERE status = 'pending'`,
}
const COPIES = {
  name: 'test_copies',
  text: `
    INSERT INTO authenticators (id, account_id, type, name, status, secret_sealed, algorithm, digits,
                                step_seconds, created_at, expires_at)
    SELECT gen_random_uuid(), account_id, type, name, status, secret_sealed, algorithm, digits, step_seconds,
           created_at, expires_at
      FROM authenticators, generate_series(1, $1)
     WHERE status = 'pending'`,
}

const pendingOf = async ({ deps }: TestApp): Promise<number | undefined> =>
  (await deps.postgres.query<{ pending: number }>(PENDING))[0]?.pending

const beginOne = async (postern: TestApp) => {
  const account = await postern.createAccount()
  await begin(postern, (await postern.signIn(account)).access_token)
}

type Timer = { run: () => void; everyMs: number }

/** The timers that are set while `work` runs. */
const timersOf = async <T>(work: () => Promise<T>): Promise<{ result: T; timers: Timer[] }> => {
  const timers: Timer[] = []
  const { setInterval: real } = globalThis
  const recording = (run: () => void, everyMs: number) => {
    timers.push({ run, everyMs })
    return real(run, everyMs)
  }
  Object.assign(globalThis, { setInterval: recording })
  try {
    return { result: await work(), timers }
  } finally {
    Object.assign(globalThis, { setInterval: real })
  }
}

t.test(
  'authenticators that are not confirmed in time are deleted, even if nobody enrolls',
  { skip },
  async (t) => {
    const { result: postern, timers } = await timersOf(() => openTestApp(t))
    await beginOne(postern)
    const runAll = () => {
      for (const { run, everyMs } of timers) if (everyMs <= 300_000) run()
    }
    postern.advance(899)
    runAll()
    t.notOk(await eventually(300, async () => (await pendingOf(postern)) === 0), 'not before its 15 minutes')
    postern.advance(1)
    runAll()
    t.ok(await eventually(2_000, async () => (await pendingOf(postern)) === 0), 'within 5 minutes of them')
  },
)

t.test('and at a start', { skip }, async (t) => {
  const databaseUrl = await createDatabase(await sharedPostgres())
  const postern = await openTestApp(t, { databaseUrl })
  await beginOne(postern)
  const long = { name: 'test_age', text: `UPDATE authenticators SET expires_at = now() - interval '1 hour'` }
  await postern.deps.postgres.query(long)
  const again = await openTestApp(t, { databaseUrl })
  t.ok(await eventually(2_000, async () => (await pendingOf(again)) === 0))
})

t.test('they are deleted in batches, skipping those that another replica holds', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await beginOne(postern)
  await postern.deps.postgres.query(COPIES, [249])
  postern.advance(900)
  const holder = await postern.deps.postgres.connect()
  t.teardown(() => holder.end())
  await holder.query('BEGIN')
  await holder.query(`SELECT id FROM authenticators WHERE status = 'pending' LIMIT 1 FOR UPDATE`)
  await clearExpiredEnrollments(postern.deps, postern.now())
  t.equal(await pendingOf(postern), 1)
  await holder.query('COMMIT')
  await clearExpiredEnrollments(postern.deps, postern.now())
  t.equal(await pendingOf(postern), 0)
})
