import type { Account } from '../accounts/account.ts'
import { findAccount } from '../accounts/store.ts'
import type { Deps } from '../deps.ts'
import type { ListedSession } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'
import { authenticateSession } from './authenticate-session.ts'

/** Who asks: a live session, and its account. */
export type Caller = { session: ListedSession; account: Account }

/**
 * The live session of the caller, and its account as it stands now.
 * @throws {AuthError} invalid_token, also where the account is disabled or gone
 */
export const authenticateAccount = async (
  deps: Pick<Deps, 'verifyAccessToken' | 'ephemeral' | 'postgres'>,
  authorization: string | undefined,
  now: Date,
): Promise<Caller> => {
  const session = await authenticateSession(deps, authorization, now)
  const account = await findAccount(deps, session.accountId)
  if (account?.status !== 'active') throw new AuthError('invalid_token', 'The account is disabled.')
  return { session, account }
}
