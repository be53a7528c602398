import type { Account } from '../accounts/account.ts'
import type { AccountWithFactors } from '../accounts/details.ts'
import { findAccountWithFactors } from '../accounts/details-store.ts'
import { requireUnlocked } from '../accounts/refuse-locked.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Presented } from './access-token.ts'
import { authenticateSession, type SessionCaller } from './authenticate-session.ts'
import { sessionRefused } from './refuse-session.ts'
import { type FreshProof, requireFreshSecondFactor } from './require-fresh-second-factor.ts'
import { requireOwnSignIn } from './require-own-sign-in.ts'

/** Who asks: a live session, and its account. */
export type Caller = SessionCaller & { account: Account }

/** The same, with what it has proven freshly. */
export type FreshCaller = Caller & { proof: FreshProof }

/** The same, with what the account sees of itself. */
export type AccountCaller = Caller & { details: AccountWithFactors }

type AccountDeps = Pick<Deps, 'verifyAccessToken' | 'ephemeral' | 'postgres' | 'clients' | 'accounts'>

/**
 * The live session of the caller, and its account as it is now.
 * @throws {AuthError} insufficient_scope; invalid_token, also where the account is disabled or gone
 */
export const authenticateAccount = async (
  deps: AccountDeps,
  request: Origin,
  presented: Presented,
): Promise<AccountCaller> => {
  const caller = await authenticateSession(deps, request, presented)
  const { accountId, accountVersion } = caller.session
  return withAccount(caller, await deps.accounts.find(accountId, accountVersion))
}

/**
 * The same, its account read from PostgreSQL: whoever changes something does so by what PostgreSQL says, also where Redis
 * has lost what it was told of the account (`accounts/account-cache.ts`).
 */
export const authenticateAccountAnew = async (
  deps: AccountDeps,
  request: Origin,
  presented: Presented,
): Promise<AccountCaller> => {
  const caller = await authenticateSession(deps, request, presented)
  return withAccount(caller, await findAccountWithFactors(deps, caller.session.accountId))
}

const withAccount = (caller: SessionCaller, details: AccountWithFactors | null): AccountCaller => {
  if (details?.account.status !== 'active') throw new AuthError('invalid_token', 'The account is disabled.')
  return { ...caller, account: details.account, details }
}

/**
 * A caller who may change settings: no client has vouched for it (docs/security.md 41), and the account is not locked:
 * whoever has guessed at its codes may have its session too (docs/security.md 8).
 * @throws {AuthError} as `authenticateAccount`; access_denied, account_locked
 */
export const authenticateUnlockedAccount = async (
  deps: AccountDeps,
  request: Origin,
  presented: Presented,
): Promise<AccountCaller> => {
  const caller = await authenticateAccountAnew(deps, request, presented)
  await requireOwnSignIn(deps, caller)
  const locked = sessionRefused(caller, 'account_locked')
  await requireUnlocked(deps, locked, { accountId: caller.account.id, now: request.now })
  return caller
}

/** @throws {AuthError} as `authenticateUnlockedAccount`; insufficient_user_authentication */
export const authenticateFreshAccount = async (
  deps: AccountDeps,
  request: Origin,
  presented: Presented,
): Promise<FreshCaller> => {
  const caller = await authenticateUnlockedAccount(deps, request, presented)
  return { ...caller, proof: await requireFreshSecondFactor(deps, caller) }
}
