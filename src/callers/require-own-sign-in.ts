import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { SessionCaller } from './authenticate-session.ts'
import { refuseSession } from './refuse-session.ts'

/**
 * Where a client vouched for an account of Postern's own, its backend knows the codes that pass through it, and one of
 * them must not be enough to take the account over (docs/security.md 41). Such a session reads, and ends sessions.
 * @throws {AuthError} access_denied, recorded
 */
export const requireOwnSignIn = async (
  deps: Pick<Deps, 'postgres'>,
  caller: SessionCaller,
): Promise<void> => {
  if (!caller.session.vouched) return
  const text = 'This takes a session that the account itself has signed in to.'
  await refuseSession(deps, caller, 'vouched_session', new AuthError('access_denied', text))
}
