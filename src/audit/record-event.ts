import type { Sql } from '../postgres/pool.ts'
import type { AuditEvent } from './event.ts'

const RECORD_EVENT = { name: 'record_event', text: 'SELECT record_audit_event($1::jsonb)' }

/** Records an event on its own: a refusal, or what changes nothing in PostgreSQL. Durable when it returns. */
export const recordEvent = async (deps: { postgres: Sql }, event: AuditEvent): Promise<void> => {
  await deps.postgres.query(RECORD_EVENT, [JSON.stringify(event)])
}
