import { authenticatorRenamed } from '../../audit/account-events.ts'
import type { Authenticator } from '../../authenticators/authenticator.ts'
import { saveAuthenticatorName } from '../../authenticators/own-authenticator-store.ts'
import type { FreshCaller } from '../../callers/authenticate-account.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { CHANGEABLE } from './changeable.ts'

/** @throws {AuthError} not_found */
export const renameAuthenticator = async (
  deps: Pick<Deps, 'postgres'>,
  { session, account, origin, proof }: FreshCaller,
  { authenticatorId, name }: { authenticatorId: string; name: string },
): Promise<Authenticator> => {
  const own = { accountId: account.id, authenticatorId, statuses: CHANGEABLE[proof] }
  const about = { accountId: account.id, sessionId: session.sid, authenticatorId, type: 'totp' }
  const change = { name, now: origin.now }
  const renamed = await saveAuthenticatorName(deps, own, change, authenticatorRenamed(origin, about))
  if (!renamed) throw new AuthError('not_found', 'The account has no authenticator by that id.')
  return renamed
}
