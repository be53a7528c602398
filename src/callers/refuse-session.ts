// A live session that does not get what it asks for. Every such refusal is recorded.
import { accessRefused } from '../audit/authentication-events.ts'
import type { AuditEvent, Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { SessionRecord } from '../ephemeral/sessions.ts'
import type { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'

type Refused = { origin: Origin; session: Pick<SessionRecord, 'accountId' | 'clientId' | 'sid'> }

export const sessionRefused = ({ origin, session }: Refused, reason: string): AuditEvent => {
  const { accountId, clientId, sid: sessionId } = session
  return accessRefused(origin, { accountId, clientId, sessionId, reason })
}

/** Records `reason`, which is not answered, and throws `error`. */
export const refuseSession = async (
  deps: { postgres: Sql },
  caller: Refused,
  reason: string,
  error: AuthError,
): Promise<never> => {
  await recordEvent(deps, sessionRefused(caller, reason))
  throw error
}
