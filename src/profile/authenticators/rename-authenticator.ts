import { authenticatorRenamed } from '../../audit/account-events.ts'
import type { Origin } from '../../audit/event.ts'
import type { Authenticator } from '../../authenticators/authenticator.ts'
import { saveAuthenticatorName } from '../../authenticators/own-authenticator-store.ts'
import type { Caller } from '../../callers/authenticate-account.ts'
import { requireFreshSecondFactor } from '../../callers/require-fresh-second-factor.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { CHANGEABLE } from './changeable.ts'

/** @throws {AuthError} insufficient_user_authentication, not_found */
export const renameAuthenticator = async (
  deps: Pick<Deps, 'postgres'>,
  origin: Origin,
  { session, account }: Caller,
  { authenticatorId, name }: { authenticatorId: string; name: string },
): Promise<Authenticator> => {
  const proof = await requireFreshSecondFactor(deps, origin, session, account)
  const own = { accountId: account.id, authenticatorId, statuses: CHANGEABLE[proof] }
  const about = { accountId: account.id, sessionId: session.sid, authenticatorId, type: 'totp' }
  const change = { name, now: origin.now }
  const renamed = await saveAuthenticatorName(deps, own, change, authenticatorRenamed(origin, about))
  if (!renamed) throw new AuthError('not_found', 'The account has no authenticator by that id.')
  return renamed
}
