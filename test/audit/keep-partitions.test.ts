import t from 'tap'
import { ensureAuditPartitions } from '../../src/audit/ensure-partitions.ts'
import { keepAuditPartitions } from '../../src/audit/keep-partitions.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { openPostgres, type Postgres } from '../../src/postgres/pool.ts'
import { createLog } from '../../src/server/log.ts'
import { openTestApp } from '../support/app.ts'
import { ENGINES } from '../support/engines.ts'
import { eventually } from '../support/eventually.ts'
import { createDatabase, missingServer, sharedPostgres } from '../support/servers.ts'

const INSERT = {
  name: 'test_insert_event',
  text: `
    INSERT INTO audit_events (id, occurred_at, event, outcome, actor_type)
    VALUES (gen_random_uuid(), $1, 'test.early', 'success', 'system')`,
}
const EARLY = {
  name: 'test_early_events',
  text: `
    SELECT occurred_at, tableoid::regclass::text AS partition
      FROM audit_events
     WHERE event = 'test.early'
     ORDER BY occurred_at`,
}
const PARTITIONS = {
  name: 'test_partitions',
  text: `SELECT relid::text AS name FROM pg_partition_tree('audit_events')`,
}

const partitionsOf = async (postgres: Postgres): Promise<string[]> =>
  (await postgres.query<{ name: string }>(PARTITIONS)).map(({ name }) => name)

const run = (postgres: Postgres, text: string) => postgres.query({ text })

const BREAK = `
  CREATE OR REPLACE FUNCTION ensure_audit_partition(month timestamptz) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'no room';
  END $$`

for (const { engine, skip, open } of ENGINES) {
  t.test(`on ${engine}`, { skip }, async (t) => {
    const postern = await open(t)
    const { postgres } = postern.deps
    const errors: string[] = []
    const log = createLog('error', { write: (line) => errors.push(line) })
    const deps = { ...postern.deps, log }
    // Of a clock that was ahead for a moment: two events of one month to come, and one of the month after it.
    const early = ['2031-05-01T00:00:00.000Z', '2031-05-31T23:59:59.999Z', '2031-06-01T00:00:00.000Z']

    await t.test('events move into the partition of their month when it is made', async (t) => {
      for (const moment of early) await postgres.query(INSERT, [moment])
      const before = await postgres.query<{ partition: string }>(EARLY)
      t.same([...new Set(before.map(({ partition }) => partition))], ['audit_events_default'])

      t.equal(await ensureAuditPartitions(deps, new Date('2031-03-15')), true, errors.join())
      const may = 'audit_events_2031_05'
      t.same(await postgres.query(EARLY), [
        { occurred_at: new Date(`${early[0]}`), partition: may },
        { occurred_at: new Date(`${early[1]}`), partition: may },
        { occurred_at: new Date(`${early[2]}`), partition: 'audit_events_default' },
      ])
      t.equal(await ensureAuditPartitions(deps, new Date('2031-03-15')), true, 'and again')
    })

    await t.test('nothing of the log is changed, deleted or emptied, whatever its partition', async (t) => {
      const count = (await postgres.query(EARLY)).length
      for (const table of await partitionsOf(postgres)) {
        await t.rejects(run(postgres, `TRUNCATE ${table}`), /immutable/, table)
        if (!/(events|default|05)$/.test(table)) continue
        await t.rejects(run(postgres, `DELETE FROM ${table}`), /immutable/, table)
        await t.rejects(run(postgres, `UPDATE ${table} SET event = 'other'`), /immutable/, table)
      }
      t.equal((await postgres.query(EARLY)).length, count)
    })

    await t.test('one that cannot be made is logged and tried again, and stops nothing', async (t) => {
      const [made] = await postgres.query<{ text: string }>({
        text: `SELECT pg_get_functiondef('ensure_audit_partition'::regproc) AS text`,
      })
      await run(postgres, BREAK)
      const clock = () => new Date('2032-01-15')
      const stop = await keepAuditPartitions(
        { ...deps, clock },
        { whereAllAreThere: 3_600_000, whereOneIsMissing: 10 },
      )
      t.teardown(stop)
      t.match(JSON.parse(errors[0] ?? ''), { month: '2032-01-01T00:00:00.000Z', reason: 'no room' })
      t.match(await postern.request('GET', '/readyz'), { status: 200 })

      await run(postgres, made?.text ?? '')
      t.ok(
        await eventually(5_000, async () => (await partitionsOf(postgres)).includes('audit_events_2032_03')),
      )
    })
  })
}

const servers = missingServer('postgres') || missingServer('redis')

t.test('a start finds events of this month, and no partition for them', { skip: servers }, async (t) => {
  const databaseUrl = await createDatabase(await sharedPostgres())
  const postgres = openPostgres(databaseUrl, 2)
  await migrate(postgres)
  const now = new Date()
  await postgres.query(INSERT, [now])
  await postgres.close()

  const postern = await openTestApp(t, { databaseUrl })
  const partition = `audit_events_${now.toISOString().slice(0, 7).replace('-', '_')}`
  t.same(await postern.deps.postgres.query(EARLY), [{ occurred_at: now, partition }])
})
