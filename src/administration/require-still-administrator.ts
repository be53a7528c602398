import { isAdministrator } from '../accounts/account.ts'
import { findAccount } from '../accounts/store.ts'
import { accessRefused } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'

/**
 * Asks again, once a request has waited for a hash, whether the administrator who acts is one still (docs/security.md
 * 39). The command line acts as the system, and is not asked.
 * @throws {AuthError} access_denied, recorded
 */
export const requireStillAdministrator = async (
  deps: Pick<Deps, 'postgres'>,
  origin: Origin,
): Promise<void> => {
  const { type, id } = origin.actor
  if (type !== 'administrator' || id === null) return
  const account = await findAccount(deps, id)
  if (account?.status === 'active' && isAdministrator(account)) return
  const about = { accountId: id, clientId: null, sessionId: null, reason: 'not_an_administrator' }
  await recordEvent(deps, accessRefused(origin, about))
  throw new AuthError('access_denied')
}
