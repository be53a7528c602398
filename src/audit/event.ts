// What an audit event is. This folder owns the log: one function for each security event (`*-events.ts`), the
// store, the lists. The caller records an event, in the statement of the change that the event is about.
import { v7 as uuidv7 } from 'uuid'

/** Who acts: the account itself, an administrator, a client's backend, the command line, or Postern. */
export type Actor =
  | { type: 'account'; id: string }
  | { type: 'administrator'; id: string }
  | { type: 'client'; id: string }
  | { type: 'command_line'; id: string | null }
  | { type: 'anonymous'; id: null }
  | { type: 'postern'; id: null }

/** Where a request comes from; every use case that records an event is given one. */
export type Origin = {
  now: Date
  requestId: string | null
  ip: string | null
  userAgent: string | null
  actor: Actor
}

/** What Postern does by itself, such as making its first signing key. */
export const systemOrigin = (now: Date): Origin => ({
  now,
  requestId: null,
  ip: null,
  userAgent: null,
  actor: { type: 'postern', id: null },
})

/** One immutable record of one security decision; a row of `audit_events`. */
export type AuditEvent = {
  id: string
  occurred_at: string
  event: string
  outcome: 'success' | 'failure'
  account_id: string | null
  actor_type: Actor['type']
  actor_id: string | null
  client_id: string | null
  session_id: string | null
  ip: string | null
  user_agent: string | null
  request_id: string | null
  details: Record<string, unknown>
}

/** What an event is about. `details` name methods, reasons and changed members; never a code or a secret. */
export type About = {
  accountId?: string | null
  clientId?: string | null
  sessionId?: string | null
  details?: Record<string, unknown>
}

/** Puts an event together; the functions of `*-events.ts` are its only callers. */
export const auditEvent = (
  event: string,
  outcome: AuditEvent['outcome'],
  origin: Origin,
  { accountId = null, clientId = null, sessionId = null, details = {} }: About,
): AuditEvent => ({
  // Ascending within the process, so that events of one request are listed in the order they were made.
  id: uuidv7(),
  occurred_at: origin.now.toISOString(),
  event,
  outcome,
  account_id: accountId,
  actor_type: origin.actor.type,
  actor_id: origin.actor.id,
  client_id: clientId,
  session_id: sessionId,
  ip: origin.ip,
  user_agent: origin.userAgent,
  request_id: origin.requestId,
  details,
})
