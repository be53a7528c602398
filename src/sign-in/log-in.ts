// Primary authentication with a password. Counted before it is checked, by account and by network. An unknown account
// costs the same work, and is answered the same, as a wrong password (docs/security.md 4, 5, 7).

import type { AccountWithPassword } from '../accounts/account.ts'
import { findAccountByName } from '../accounts/store.ts'
import { primaryAuthenticationFailed } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import { type Client, grantScope, refuseUnboundTokens, USER_SCOPES } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import type { AccountState, EndUser } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'
import {
  type PasswordAttempt,
  settlePasswordAttempt,
  takePasswordAttempt,
  tooManyAttempts,
} from '../passwords/password-throttle.ts'
import { verifyStoredPassword } from '../passwords/verify-stored-password.ts'
import { newSession } from '../sessions/new-session.ts'
import type { RefreshToken } from '../tokens/refresh-token.ts'
import { continueSignIn, type SignInResult } from './continue-sign-in.ts'

/** `endUser` is whom a backend signs in; null where the request comes from the end user. */
export type Credentials = {
  username: string
  password: string
  scope?: string | undefined
  endUser: EndUser | null
}

type LogInDeps = Pick<
  Deps,
  'clients' | 'notices' | 'postgres' | 'ephemeral' | 'policy' | 'randomBytes' | 'passwords'
>

/** A password that was right, and who has given it. */
export type PasswordPassed = AccountWithPassword & { state: AccountState; origin: Origin }

/**
 * Checks a password.
 * @throws {AuthError} too_many_attempts, invalid_credentials, temporarily_unavailable
 */
export const checkPassword = async (
  deps: LogInDeps,
  request: Origin,
  client: Client,
  { username, password }: Pick<Credentials, 'username' | 'password'>,
): Promise<PasswordPassed> => {
  deps.passwords.requireRoom()
  const found = await findAccountByName(deps, username)
  const accountId = found?.account.id ?? null
  const { ip, now } = request
  const attempt = await takePasswordAttempt(deps, { accountId, name: username, ip, now })
  // Decision: what the network's budget refuses depends on no name, so it is answered without the work of a hash, or one
  // address could keep every core busy. Only where the account has signed in from this network its password is checked.
  if (!attempt.admitted && attempt.throttled?.reason === 'throttled_network') {
    return refuse(deps, request, client, attempt)
  }
  const tried = verifyStoredPassword(deps, attempt.admitted ? found : null, password)
  const stored = await settlePasswordAttempt(deps, attempt, tried)
  if (!stored) return refuse(deps, request, client, attempt)
  const origin: Origin = { ...request, actor: { type: 'account', id: stored.account.id } }
  return { ...stored, state: attempt.state, origin }
}

/**
 * Signs an account in with its password, or opens the challenge or the enrollment that the policy asks for.
 * @throws {AuthError} unauthorized_client, invalid_scope, too_many_attempts, invalid_credentials,
 *   account_disabled, account_locked, temporarily_unavailable
 */
export const logIn = async (
  deps: LogInDeps,
  request: Origin,
  client: Client,
  { scope, endUser, ...given }: Credentials,
): Promise<SignInResult<RefreshToken>> => {
  if (!client.firstParty) {
    throw new AuthError('unauthorized_client', 'Only a first-party client may pass a password on.')
  }
  refuseUnboundTokens(client)
  const granted = grantScope(client, scope, USER_SCOPES)
  const { origin, ...passed } = await checkPassword(deps, request, client, given)
  return continueSignIn(
    deps,
    origin,
    { ...passed, client, scope: granted, amr: ['pwd'], endUser },
    newSession,
  )
}

const refuse = async (
  deps: LogInDeps,
  request: Origin,
  { clientId }: Client,
  attempt: PasswordAttempt,
): Promise<never> => {
  const about = { accountId: attempt.made.accountId, clientId, reason: reasonOf(attempt) }
  await recordEvent(deps, primaryAuthenticationFailed(request, about))
  const { throttled } = attempt
  throw throttled ? tooManyAttempts(throttled, request.now) : new AuthError('invalid_credentials')
}

const reasonOf = ({ admitted, throttled, made }: PasswordAttempt): string => {
  if (!admitted) return throttled?.reason ?? 'throttled_account'
  return made.accountId === null ? 'unknown_account' : 'wrong_password'
}
