import { isAdministrator } from '../accounts/account.ts'
import { knowSubject } from '../accounts/know-subject.ts'
import { findAccountByName } from '../accounts/store.ts'
import { primaryAuthenticationFailed } from '../audit/authentication-events.ts'
import { recordEvent } from '../audit/store.ts'
import type { Backend } from '../callers/authenticate-backend.ts'
import { grantScope, type MachineScope, refuseUnboundTokens, USER_SCOPES } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { newSession } from '../sessions/new-session.ts'
import type { RefreshToken } from '../tokens/refresh-token.ts'
import { continueSignIn, type PrimaryAuthentication, type SignInResult } from './continue-sign-in.ts'

/** An account whose first factor a client vouches for: its own `subject`, or a Postern `username`. */
type Vouched = {
  subject?: string | undefined
  username?: string | undefined
  amr: string[]
  ip: string | null
  userAgent: string | null
  email?: string | undefined
  displayName?: string | undefined
  roles?: string[] | undefined
}

/** Its state was read before it was, but for an account of Postern's own, which is compared once more when it is recorded. */
type Vouchable = Pick<PrimaryAuthentication, 'account' | 'state' | 'details'>

/** With whom it is for, so that no other user's challenge can be put in its place (docs/security.md 43). */
export type VouchedSignIn = {
  signIn: SignInResult<RefreshToken>
  subject: string | null
  username: string | null
}

type OpenDeps = Pick<
  Deps,
  'clients' | 'notices' | 'postgres' | 'ephemeral' | 'policy' | 'randomBytes' | 'clock' | 'accounts'
>

/** The reason is recorded, and not answered. */
const refuse = async (
  deps: OpenDeps,
  { client, origin }: Backend,
  about: { accountId: string | null; reason: string },
  error: AuthError,
): Promise<never> => {
  await recordEvent(deps, primaryAuthenticationFailed(origin, { ...about, clientId: client.clientId }))
  throw error
}

const requireVouching = async (deps: OpenDeps, backend: Backend, scope: MachineScope): Promise<void> => {
  if (backend.scopes.includes(scope)) return
  const error = new AuthError('insufficient_scope', `This takes the scope ${scope}.`)
  await refuse(deps, backend, { accountId: null, reason: 'insufficient_scope' }, error)
}

/**
 * An account of Postern's own that a client may vouch for (docs/security.md 41). Never an administrator. Never an account
 * without an authenticator: there, vouching alone would be enough to enroll one, or to sign in.
 */
const findVouchedAccount = async (deps: OpenDeps, backend: Backend, username: string): Promise<Vouchable> => {
  await requireVouching(deps, backend, 'challenges:accounts')
  const found = await findAccountByName(deps, username)
  // The same answer to all three, so that it does not show which accounts exist, or who is an administrator.
  const refuseAs = (reason: string) => {
    const error = new AuthError('access_denied', 'No client can vouch for this account.')
    return refuse(deps, backend, { accountId: found?.account.id ?? null, reason }, error)
  }
  if (!found) return refuseAs('unknown_account')
  if (isAdministrator(found.account)) return refuseAs('administrator')
  if (found.account.enrolledAuthenticators === 0) return refuseAs('no_authenticator')
  const state = await deps.ephemeral.budgets.read(found.account.id, backend.origin.now.getTime())
  return { account: found.account, state }
}

const findVouched = async (deps: OpenDeps, backend: Backend, vouched: Vouched): Promise<Vouchable> => {
  const { subject, username = '', email, displayName, roles } = vouched
  if (subject === undefined) return findVouchedAccount(deps, backend, username)
  await requireVouching(deps, backend, 'challenges')
  const said = { subject, email, displayName, roles }
  const { details, state } = await knowSubject(deps, backend.origin, backend.client.clientId, said)
  return { account: details.account, state, details }
}

/**
 * Continues the sign-in of an account whose first factor `backend` has checked itself.
 * @throws {AuthError} invalid_request, insufficient_scope, access_denied, account_disabled, account_locked
 */
export const openChallenge = async (
  deps: OpenDeps,
  backend: Backend,
  vouched: Vouched,
): Promise<VouchedSignIn> => {
  if ((vouched.subject === undefined) === (vouched.username === undefined)) {
    throw new AuthError('invalid_request', 'Give either subject or username.', {
      fields: ['subject', 'username'],
    })
  }
  const { client, origin } = backend
  refuseUnboundTokens(client)
  const found = await findVouched(deps, backend, vouched)
  const signIn = await continueSignIn(
    deps,
    origin,
    {
      ...found,
      passwordHash: null,
      client,
      scope: grantScope(client, undefined, USER_SCOPES),
      amr: vouched.amr,
      endUser: { ip: vouched.ip, userAgent: vouched.userAgent },
      purpose: found.account.clientId === null ? 'vouched' : 'login',
    },
    newSession,
  )
  const { subject, username } = found.account
  return { signIn, subject, username }
}
