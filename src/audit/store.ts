// Audit events in PostgreSQL, as they are read. They are written in the statements of what they tell of.
import type { Sql } from '../postgres/pool.ts'
import type { AuditEvent } from './event.ts'

/** A row of the log; `occurred_at` has milliseconds, as it was written. */
export type RecordedEvent = Omit<AuditEvent, 'occurred_at'> & { occurred_at: Date }

/** Which events; null for any. `from` is included, `to` is not. `event` ending in `.*` is a prefix. */
export type EventFilter = {
  accountId: string | null
  event: string | null
  outcome: AuditEvent['outcome'] | null
  from: Date | null
  to: Date | null
}

// `$1 IS NULL OR …` is folded away when the statement is planned, so each filter uses its own index.
const LIST_EVENTS = {
  name: 'list_audit_events',
  text: `
    SELECT id, occurred_at, event, outcome, account_id, actor_type, actor_id, client_id, session_id,
           host(ip) AS ip, user_agent, request_id, details
      FROM audit_events
     WHERE ($1::uuid IS NULL OR account_id = $1)
       AND ($2::text IS NULL OR event = $2)
       AND ($3::text IS NULL OR starts_with(event, $3))
       AND ($4::text IS NULL OR outcome = $4)
       AND ($5::timestamptz IS NULL OR occurred_at >= $5)
       AND ($6::timestamptz IS NULL OR occurred_at < $6)
       AND ($7::timestamptz IS NULL OR (occurred_at, id) < ($7, $8::uuid))
     ORDER BY occurred_at DESC, id DESC
     LIMIT $9`,
}

/** The newest events that fit, from before `before`. */
export const findEvents = (
  deps: { postgres: Sql },
  filter: EventFilter,
  page: { before: { occurredAt: Date; id: string } | null; limit: number },
): Promise<RecordedEvent[]> => {
  const isPrefix = filter.event?.endsWith('.*') === true
  return deps.postgres.query<RecordedEvent>(LIST_EVENTS, [
    filter.accountId,
    isPrefix ? null : filter.event,
    isPrefix ? filter.event?.slice(0, -1) : null,
    filter.outcome,
    filter.from,
    filter.to,
    page.before?.occurredAt ?? null,
    page.before?.id ?? null,
    page.limit,
  ])
}
