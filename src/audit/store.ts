// Audit events in PostgreSQL: read, and recorded on their own. Most are recorded in the statement of the change that
// they are about.
import type { Sql } from '../postgres/pool.ts'
import type { AuditEvent } from './event.ts'

/** A row of the log; `occurred_at` has milliseconds, as it was written. */
export type RecordedEvent = Omit<AuditEvent, 'occurred_at'> & { occurred_at: Date }

/** Which events; null for any. `from` is included, `to` is not. `event` ending in `.*` is a kind of events. */
export type EventFilter = {
  accountId: string | null
  event: string | null
  outcome: AuditEvent['outcome'] | null
  from: Date | null
  to: Date | null
}

const RECORD_EVENT = {
  name: 'record_event',
  json: 0,
  text: `
    SELECT asked.n, record_audit_event(asked.event)
      FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS asked (event, n)`,
}

/** Records an event on its own: a refusal, or what changes nothing in PostgreSQL. Durable when it returns. */
export const recordEvent = async (deps: { postgres: Sql }, event: AuditEvent): Promise<void> => {
  await deps.postgres.collect(RECORD_EVENT, [event])
}

const ENSURE_PARTITION = { name: 'ensure_audit_partition', text: 'SELECT ensure_audit_partition($1)' }

/** Makes the partition of `month`, where it is missing, and moves the events there that the default one has taken. */
export const ensurePartition = async (deps: { postgres: Sql }, month: Date): Promise<void> => {
  await deps.postgres.query(ENSURE_PARTITION, [month])
}

const columns = (
  ip: string,
) => `id, occurred_at, event, outcome, account_id, actor_type, actor_id, client_id, session_id,
           ${ip}, user_agent, request_id, details`

const EVENTS = `
    SELECT ${columns('host(ip) AS ip')}
      FROM audit_events
     WHERE ($1::uuid IS NULL OR account_id = $1)
       AND ($2::text IS NULL OR event = $2)
       AND ($3::text IS NULL OR split_part(event, '.', 1) = $3)
       AND ($4::text IS NULL OR outcome = $4)
       AND ($5::timestamptz IS NULL OR occurred_at >= $5)
       AND ($6::timestamptz IS NULL OR occurred_at < $6)
       AND ($7::timestamptz IS NULL OR (occurred_at, id) < ($7, $8::uuid))`
const PAGE = `
     ORDER BY occurred_at DESC, id DESC
     LIMIT $9`

// Statements without names are planned for their values, so that `$1 IS NULL OR …` is left out of the plan and each
// filter uses its index.
const LIST_EVENTS = { text: `${EVENTS}${PAGE}` }
// The indexes of events and of their kinds have the outcome before the time.
const LIST_EVENTS_BY_OUTCOME = {
  text: `
    SELECT ${columns('ip')}
      FROM ((${EVENTS} AND outcome = 'success'${PAGE})
            UNION ALL
            (${EVENTS} AND outcome = 'failure'${PAGE})) AS events${PAGE}`,
}

const KIND = /^(.*)\.\*$/

/** The newest events that pass the filter, from before `before` on. */
export const findEvents = (
  deps: { postgres: Sql },
  filter: EventFilter,
  page: { before: { occurredAt: Date; id: string } | null; limit: number },
): Promise<RecordedEvent[]> => {
  const [, kind = null] = KIND.exec(filter.event ?? '') ?? []
  const statement = filter.event === null ? LIST_EVENTS : LIST_EVENTS_BY_OUTCOME
  return deps.postgres.query<RecordedEvent>(statement, [
    filter.accountId,
    kind === null ? filter.event : null,
    kind,
    filter.outcome,
    filter.from,
    filter.to,
    page.before?.occurredAt ?? null,
    page.before?.id ?? null,
    page.limit,
  ])
}
