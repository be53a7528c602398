import { authenticatorRenamed } from '../../audit/account-events.ts'
import type { Authenticator } from '../../authenticators/authenticator.ts'
import { saveAuthenticatorName } from '../../authenticators/own-authenticator-store.ts'
import type { FreshCaller } from '../../callers/authenticate-account.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { CHANGEABLE } from './changeable.ts'

/**
 * Renames an authenticator. Ends pending challenges; sessions stay, because a name is no factor.
 * @throws {AuthError} not_found
 */
export const renameAuthenticator = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral'>,
  { session, account, origin, proof }: FreshCaller,
  { authenticatorId, name }: { authenticatorId: string; name: string },
): Promise<Authenticator> => {
  const own = { accountId: account.id, authenticatorId, statuses: CHANGEABLE[proof] }
  const about = { accountId: account.id, sessionId: session.sid, authenticatorId, type: 'totp' }
  const change = { name, now: origin.now }
  return deps.postgres.transaction(async (postgres) => {
    const event = authenticatorRenamed(origin, about)
    const renamed = await saveAuthenticatorName({ postgres }, own, change, event)
    if (!renamed) throw new AuthError('not_found', 'The account has no authenticator by that id.')
    // Before the commit: where Redis is away, nothing has changed.
    await deps.ephemeral.challenges.endAll(account.id)
    return renamed
  })
}
