import type { Account } from '../accounts/account.ts'
import { knowSubject } from '../accounts/know-subject.ts'
import { findAccountByName } from '../accounts/store.ts'
import { primaryAuthenticationFailed } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import { type Client, grantScope, USER_SCOPES } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { continueSignIn, type SignInAnswer } from './continue-sign-in.ts'

/** An account whose first factor a client vouches for: its own `subject`, or a Postern `username`. */
export type Vouched = {
  subject?: string | undefined
  username?: string | undefined
  amr: string[]
  ip: string | null
  userAgent: string | null
  email?: string | undefined
  displayName?: string | undefined
  roles?: string[] | undefined
}

type OpenDeps = Pick<Deps, 'config' | 'postgres' | 'ephemeral' | 'policy' | 'signingKeys' | 'randomBytes'>

const findVouched = async (
  deps: OpenDeps,
  origin: Origin,
  client: Client,
  vouched: Vouched,
): Promise<Account> => {
  const { subject, username, email, displayName, roles } = vouched
  if (subject !== undefined)
    return knowSubject(deps, origin, client.clientId, { subject, email, displayName, roles })
  const found = await findAccountByName(deps, username ?? '')
  if (found) return found.account
  const about = { accountId: null, clientId: client.clientId, reason: 'unknown_account' }
  await recordEvent(deps, primaryAuthenticationFailed(origin, about))
  throw new AuthError('not_found', 'There is no account by that user name.', { fields: ['username'] })
}

/**
 * Continues the sign-in of an account whose first factor `client` has checked itself.
 * @throws {AuthError} invalid_request, not_found, account_disabled, account_locked
 */
export const openChallenge = async (
  deps: OpenDeps,
  origin: Origin,
  client: Client,
  vouched: Vouched,
): Promise<SignInAnswer> => {
  if ((vouched.subject === undefined) === (vouched.username === undefined)) {
    throw new AuthError('invalid_request', 'Give either subject or username.', {
      fields: ['subject', 'username'],
    })
  }
  const account = await findVouched(deps, origin, client, vouched)
  const state = await deps.ephemeral.budgets.read(account.id, origin.now.getTime())
  return continueSignIn(deps, origin, {
    account,
    passwordHash: null,
    state,
    client,
    scope: grantScope(client, undefined, USER_SCOPES),
    amr: vouched.amr,
    endUser: { ip: vouched.ip, userAgent: vouched.userAgent },
  })
}
