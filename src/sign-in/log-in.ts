// Primary authentication with a password. Counted before it is checked, by account and by network; an
// unknown account costs the same work and answers the same as a wrong password (docs/security.md 4, 5, 7).

import { type Account, nameKey } from '../accounts/account.ts'
import { findAccountByName } from '../accounts/store.ts'
import { primaryAuthenticationFailed } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import { type Client, grantScope, USER_SCOPES } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type PasswordThrottle, settleAttempt, takePasswordAttempt } from '../passwords/password-throttle.ts'
import { verifyStoredPassword } from '../passwords/verify-stored-password.ts'
import { continueSignIn, type SignInAnswer } from './continue-sign-in.ts'

export type Credentials = { username: string; password: string; scope?: string | undefined }

type LogInDeps = Pick<
  Deps,
  'config' | 'postgres' | 'ephemeral' | 'policy' | 'signingKeys' | 'randomBytes' | 'passwords'
>

/**
 * Signs an account in with its password, as far as a password goes.
 * @throws {AuthError} unauthorized_client, invalid_scope, too_many_attempts, invalid_credentials,
 *   account_disabled, account_locked, temporarily_unavailable
 */
export const logIn = async (
  deps: LogInDeps,
  request: Origin,
  client: Client,
  { username, password, scope }: Credentials,
): Promise<SignInAnswer> => {
  if (!client.firstParty) {
    throw new AuthError('unauthorized_client', 'Only a first-party client may pass a password on.')
  }
  const granted = grantScope(client, scope, USER_SCOPES)
  deps.passwords.requireRoom()
  const found = await findAccountByName(deps, username)
  const subject = found?.account.id ?? nameKey(username)
  const state = await deps.ephemeral.budgets.read(subject, request.now.getTime())
  const throttle = await takePasswordAttempt(deps, {
    account: subject,
    ip: request.ip,
    now: request.now,
  })
  if (throttle.kind === 'refused')
    return refuseThrottled(deps, request, client, found?.account ?? null, throttle)

  const stored = await settleAttempt(throttle, verifyStoredPassword(deps, found, password))
  if (!stored) {
    const about = { accountId: found?.account.id ?? null, clientId: client.clientId }
    const reason = found ? 'wrong_password' : 'unknown_account'
    await recordEvent(deps, primaryAuthenticationFailed(request, { ...about, reason }))
    throw new AuthError('invalid_credentials')
  }
  const origin: Origin = { ...request, actor: { type: 'account', id: stored.account.id } }
  return continueSignIn(deps, origin, {
    ...stored,
    state,
    client,
    scope: granted,
    amr: ['pwd'],
    endUser: null,
  })
}

const refuseThrottled = async (
  deps: LogInDeps,
  request: Origin,
  client: Client,
  account: Account | null,
  { reason, retryAfterSeconds }: Extract<PasswordThrottle, { kind: 'refused' }>,
): Promise<never> => {
  const about = { accountId: account?.id ?? null, clientId: client.clientId, reason }
  await recordEvent(deps, primaryAuthenticationFailed(request, about))
  throw new AuthError('too_many_attempts', undefined, { retry_after: retryAfterSeconds })
}
