import t from 'tap'
import { type EventFilter, findEvents } from '../../src/audit/store.ts'
import { ENGINES } from '../support/engines.ts'
import { listening, planOf } from '../support/plans.ts'

const ANY: EventFilter = { accountId: null, event: null, outcome: null, from: null, to: null }

// Four kinds in equal parts, a hundredth of them failures, one a minute.
const INSERT_EVENTS = {
  text: `
    INSERT INTO audit_events (id, occurred_at, event, outcome, actor_type)
    SELECT gen_random_uuid(), $1::timestamptz + i * interval '1 minute',
           (ARRAY['challenge.passed', 'session.ended', 'challenge.refused', 'session.renewed'])[1 + i % 4],
           CASE WHEN i % 100 = 0 THEN 'failure' ELSE 'success' END, 'postern'
      FROM generate_series(1, $2::integer) AS i`,
}
const EVENTS = 5_000

const PLANS: [what: string, filter: Partial<EventFilter>, index: string][] = [
  ['a kind that nothing is of', { event: 'nothing.*' }, 'split_part'],
  ['an event that never was', { event: 'nothing.happened' }, 'event_outcome'],
  ['successes that never were', { event: 'challenge.passed', outcome: 'failure' }, 'event_outcome'],
  ['failures', { outcome: 'failure' }, 'occurred_at_id_idx'],
  ['an account', { accountId: '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11' }, 'account_id'],
  ['a day', { from: new Date('2027-03-01'), to: new Date('2027-03-02') }, 'pkey'],
]

for (const { engine, skip, open } of ENGINES) {
  t.test(`with thousands of events on ${engine}`, { skip, timeout: 120_000 }, async (t) => {
    const postern = await open(t)
    const { postgres } = postern.deps
    const month = new Date('2027-03-01')
    await postgres.query({ text: 'SELECT ensure_audit_partition($1)' }, [month])
    await postgres.query(INSERT_EVENTS, [month, EVENTS])
    await postgres.query({ text: 'ANALYZE audit_events' })

    for (const [what, filter, index] of PLANS) {
      t.test(`${what} is found by an index`, async (t) => {
        const { sql, asked } = listening(postgres)
        await findEvents({ postgres: sql }, { ...ANY, ...filter }, { before: null, limit: 51 })
        for (const one of asked) {
          const plan = await planOf(postgres, one)
          t.ok(plan.includes(index), plan)
          t.notOk(plan.includes('Seq Scan on audit_events_2027_03'), plan)
        }
      })
    }

    t.test('a kind is listed in the order of time, whatever the outcomes', async (t) => {
      const filter = { ...ANY, event: 'challenge.*', from: month }
      const found = await findEvents(postern.deps, filter, { before: null, limit: EVENTS })
      t.equal(found.length, EVENTS / 2)
      t.ok(
        found.some(({ outcome }) => outcome === 'failure') &&
          found.some(({ outcome }) => outcome === 'success'),
      )
      const times = found.map(({ occurred_at }) => occurred_at.getTime())
      t.same(
        times,
        times.toSorted((a, b) => b - a),
      )
      t.same(await findEvents(postern.deps, filter, { before: null, limit: 3 }), found.slice(0, 3))
      const [, , third] = found
      const before = third ? { occurredAt: third.occurred_at, id: third.id } : null
      t.same(await findEvents(postern.deps, filter, { before, limit: 3 }), found.slice(3, 6))
    })
  })
}
