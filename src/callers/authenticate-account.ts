import type { Account } from '../accounts/account.ts'
import { findAccount } from '../accounts/store.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { authenticateSession, type SessionCaller } from './authenticate-session.ts'
import { type FreshProof, requireFreshSecondFactor } from './require-fresh-second-factor.ts'

/** Who asks: a live session, and its account. */
export type Caller = SessionCaller & { account: Account }

/** One who has just proven more than that. */
export type FreshCaller = Caller & { proof: FreshProof }

type AccountDeps = Pick<Deps, 'verifyAccessToken' | 'ephemeral' | 'postgres'>

/**
 * The live session of the caller, and its account as it is now.
 * @throws {AuthError} insufficient_scope; invalid_token, also where the account is disabled or gone
 */
export const authenticateAccount = async (
  deps: AccountDeps,
  request: Origin,
  authorization: string | undefined,
): Promise<Caller> => {
  const caller = await authenticateSession(deps, request, authorization)
  const account = await findAccount(deps, caller.session.accountId)
  if (account?.status !== 'active') throw new AuthError('invalid_token', 'The account is disabled.')
  return { ...caller, account }
}

/** @throws {AuthError} invalid_token, insufficient_user_authentication */
export const authenticateFreshAccount = async (
  deps: AccountDeps,
  request: Origin,
  authorization: string | undefined,
): Promise<FreshCaller> => {
  const caller = await authenticateAccount(deps, request, authorization)
  return { ...caller, proof: await requireFreshSecondFactor(deps, caller) }
}
