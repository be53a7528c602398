// Who asks at userinfo (OpenID Connect Core 5.3.1): any client, by an access token with the scope `openid` that is for
// Postern or for the client itself. A token for a resource server is not taken: that server could use it here.
import type { Account } from '../accounts/account.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type Presented, type PresentedToken, requireBinding, requireToken } from './access-token.ts'
import { guardWith } from './guard.ts'
import { type IssuedToken, useIssuedToken } from './use-issued-token.ts'
import { proveKey } from './verify-dpop.ts'

export type UserinfoCaller = IssuedToken & { account: Account }

type UserinfoDeps = Pick<Deps, 'config' | 'verifyIssuedToken' | 'ephemeral' | 'clients' | 'accounts'>

/** @throws {AuthError} invalid_token, insufficient_scope */
export const authenticateUserinfo = async (
  deps: UserinfoDeps,
  { now }: Origin,
  presented: PresentedToken,
  jkt: string | null,
): Promise<UserinfoCaller> => {
  const claims = await deps.verifyIssuedToken(presented.token, now)
  requireBinding(claims, presented, jkt)
  if (claims.of === 'client')
    throw new AuthError('invalid_token', 'This token belongs to a client, not to an account.')
  const { audience, clientId } = claims
  if (!audience.includes(deps.config.issuer) && !audience.includes(clientId))
    throw new AuthError(
      'invalid_token',
      'This token was made for a resource server, and is not for userinfo.',
    )
  const issued = await useIssuedToken(deps, claims, now)
  if (!issued) throw new AuthError('invalid_token', 'The session has ended.')
  if (!issued.scopes.includes('openid'))
    throw new AuthError('insufficient_scope', 'This takes a token of the scope openid.')
  const { accountId, accountVersion } = issued.session
  const details = await deps.accounts.find(accountId, accountVersion)
  if (details?.account.status !== 'active') throw new AuthError('invalid_token', 'The account is disabled.')
  return { ...issued, account: details.account }
}

const authenticatePresented = (
  deps: UserinfoDeps,
  origin: Origin,
  { authorization, jkt }: Presented,
): Promise<UserinfoCaller> => authenticateUserinfo(deps, origin, requireToken(authorization), jkt)

export const { guard: guardUserinfo, callerOf: userinfoCallerOf } = guardWith(
  'userinfoCaller',
  authenticatePresented,
  proveKey,
)

/** Null where a request has no `Authorization`: a form may have the token (RFC 6750 2.2). */
export const { guard: guardUserinfoForm, callerOf: userinfoFormCallerOf } = guardWith<UserinfoCaller | null>(
  'userinfoFormCaller',
  async (deps, origin, presented) =>
    presented.authorization === undefined ? null : authenticatePresented(deps, origin, presented),
  proveKey,
)
