// What a token is worth at this moment (RFC 7662). A client learns of its own tokens, and of those that are for it: for its
// client id, or for a resource that it is registered for (`audience`). Of any other it learns what it would of none.

import { type OfAccount, readIssuedToken, useIssuedToken } from '../callers/use-issued-token.ts'
import { type Client, isPublic, isRegisteredAs, keptScope } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { parseRefreshToken, refreshHashes } from '../tokens/refresh-token.ts'
import { subjectOf } from '../tokens/subject.ts'
import type { AccessTokenClaims } from '../tokens/verify-access-token.ts'

type IntrospectDeps = Pick<
  Deps,
  'config' | 'verifyIssuedToken' | 'ephemeral' | 'clients' | 'accounts' | 'pairwiseSalt'
>

/** RFC 7662 2.2. Nothing else is said of an inactive token. */
export type Introspection = { active: false } | ({ active: true } & Record<string, unknown>)

const INACTIVE: Introspection = { active: false }

const mayLearnOf = ({ clientId, audience }: Client, claims: AccessTokenClaims): boolean =>
  claims.clientId === clientId || claims.audience.some((one) => one === clientId || audience.includes(one))

const common = ({ config }: IntrospectDeps, claims: AccessTokenClaims) => ({
  active: true as const,
  iss: config.issuer,
  aud: claims.audience,
  client_id: claims.clientId,
  iat: claims.issuedAt,
  exp: claims.expiresAt,
  jti: claims.jti,
  token_type: claims.jkt === null ? 'Bearer' : 'DPoP',
  ...(claims.jkt !== null && { cnf: { jkt: claims.jkt } }),
})

const isActive = async (
  deps: IntrospectDeps,
  { accountId, accountVersion }: { accountId: string; accountVersion: string },
): Promise<boolean> => (await deps.accounts.find(accountId, accountVersion))?.account.status === 'active'

const introspectOfAccount = async (
  deps: IntrospectDeps,
  claims: OfAccount,
  now: Date,
): Promise<Introspection> => {
  const issued = await useIssuedToken(deps, claims, now)
  if (!issued || !(await isActive(deps, issued.session))) return INACTIVE
  const { client, session, scopes } = issued
  return {
    ...common(deps, claims),
    sub: subjectOf(deps, client, session.accountId),
    sid: session.sid,
    scope: scopes.join(' '),
    auth_time: session.authTime,
    acr: session.acr,
    amr: session.amr,
  }
}

const introspectOfClient = async (
  deps: IntrospectDeps,
  claims: AccessTokenClaims,
): Promise<Introspection> => {
  const client = await deps.clients.find(claims.clientId)
  // A token from before the client was registered belongs to an earlier client with the same id.
  if (!client || claims.issuedAt < Math.floor(client.createdAt.getTime() / 1000)) return INACTIVE
  const scopes = claims.scope.split(' ').filter((scope) => client.scopes.includes(scope))
  return { ...common(deps, claims), sub: claims.clientId, scope: scopes.join(' ') }
}

/** Of a refresh token, its own client alone learns whether it is the one that is good now. */
const introspectRefresh = async (
  deps: IntrospectDeps,
  client: Client,
  token: string,
  now: Date,
): Promise<Introspection> => {
  const presented = parseRefreshToken(token)
  if (!presented) return INACTIVE
  const hashes = refreshHashes(presented)
  const session = await deps.ephemeral.sessions.findByRefresh(presented, hashes, now.getTime())
  if (!session || !isRegisteredAs(client, session) || !(await isActive(deps, session))) return INACTIVE
  const jkt = session.grant?.jkt ?? null
  return {
    active: true,
    iss: deps.config.issuer,
    client_id: client.clientId,
    sub: subjectOf(deps, client, session.accountId),
    sid: session.sid,
    scope: keptScope(client, session.scope),
    exp: session.absoluteAt,
    token_type: 'refresh_token',
    ...(jkt !== null && { cnf: { jkt } }),
  }
}

/** @throws {AuthError} invalid_client, for a public client, which has proven nothing */
export const introspectToken = async (
  deps: IntrospectDeps,
  client: Client,
  token: string,
  now: Date,
): Promise<Introspection> => {
  if (isPublic(client))
    throw new AuthError('invalid_client', 'A public client cannot introspect: it does not prove who it is.')
  const claims = await readIssuedToken(deps, token, now)
  if (!claims) return introspectRefresh(deps, client, token, now)
  if (!mayLearnOf(client, claims)) return INACTIVE
  return claims.of === 'account' ? introspectOfAccount(deps, claims, now) : introspectOfClient(deps, claims)
}
