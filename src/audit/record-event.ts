import type { Sql } from '../postgres/pool.ts'
import type { AuditEvent } from './event.ts'
import { insertEvent } from './store.ts'

/** Records an event on its own: a refusal, or what changes nothing in PostgreSQL. Durable when it returns. */
export const recordEvent = async (deps: { postgres: Sql }, event: AuditEvent): Promise<void> => {
  await insertEvent(deps, event)
}
