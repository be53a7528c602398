import { accessRefused } from '../audit/authentication-events.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { SessionCaller } from './authenticate-session.ts'

/**
 * Where a client vouched for an account of Postern's own, its backend knows the codes that pass through it, and one of
 * them must not be enough to take the account over (docs/security.md 41). Such a session reads, and ends sessions.
 * @throws {AuthError} access_denied, recorded
 */
export const requireOwnSignIn = async (
  deps: Pick<Deps, 'postgres'>,
  { session, origin }: SessionCaller,
): Promise<void> => {
  if (!session.vouched) return
  const { accountId, clientId, sid: sessionId } = session
  await recordEvent(
    deps,
    accessRefused(origin, { accountId, clientId, sessionId, reason: 'vouched_session' }),
  )
  throw new AuthError('access_denied', 'This takes a session that the account itself has signed in to.')
}
