// The tokens of a session: a JWT access token (RFC 9068), an ID token (OpenID Connect Core 2), and the refresh token.
// The only place where tokens are signed.
import { hash, randomUUID } from 'node:crypto'
import type { Account } from '../accounts/account.ts'
import { audienceOf, type Client, keptScope, ownAudienceOf, scopeFor } from '../clients/client.ts'
import type { SigningAlgorithm } from '../clients/members.ts'
import type { SessionRecord } from '../ephemeral/sessions.ts'
import type { TokenScheme } from '../errors.ts'
import { claimsFor, rolesClaim } from './claims-for.ts'
import { formatGrantClaim } from './grant-claim.ts'
import { formatRefreshToken, grantOf, type RefreshToken } from './refresh-token.ts'
import { tokenLifetimesOf } from './select-signing-keys.ts'
import type { OpenKey, SigningKeys } from './signing-key-cache.ts'
import { subjectOf } from './subject.ts'

type Deps = { config: { issuer: string }; signingKeys: SigningKeys; pairwiseSalt: Buffer }

/** An access token, how it is presented, and what it may be used for. */
export type AccessToken = {
  accessToken: string
  tokenType: TokenScheme
  expiresInSeconds: number
  scope: string
}

/** The tokens of a session. `authTime` in epoch seconds. */
export type Tokens = AccessToken & {
  idToken: string
  refreshToken: string
  /** The account as the client knows it. */
  sub: string
  /** The client's own name for the account; null where it is none of its external subjects. */
  subject: string | null
  sid: string
  acr: SessionRecord['acr']
  amr: string[]
  authTime: number
}

/**
 * Whose tokens, and whom the access token is for; without `audience`, the client's default. `jkt`: the thumbprint of the
 * key that the access token is bound to.
 */
export type Holder = {
  account: Account
  client: Client
  refreshToken: RefreshToken
  audience?: string | null
  jkt?: string | null
}

/** RFC 9449 6.1. */
const confirmation = (jkt: string | null) => (jkt === null ? {} : { cnf: { jkt } })

const tokenType = (jkt: string | null): TokenScheme => (jkt === null ? 'Bearer' : 'DPoP')

const accessTokenClaims = (
  deps: Deps,
  session: SessionRecord,
  { account, client, refreshToken, audience, jkt = null }: Holder,
  iat: number,
) => {
  const { issuer } = deps.config
  const party = audience ?? audienceOf(issuer, client)
  return {
    iss: issuer,
    sub: account.id,
    aud: [party],
    client_id: client.clientId,
    iat,
    exp: iat + tokenLifetimesOf(client).accessToken,
    jti: randomUUID(),
    sid: session.sid,
    grant_id: formatGrantClaim(grantOf(refreshToken)),
    auth_time: session.authTime,
    acr: session.acr,
    amr: session.amr,
    scope: scopeFor(issuer, party, keptScope(client, session.scope)),
    ...rolesClaim(account),
    ...confirmation(jkt),
  }
}

const idToken = (
  key: OpenKey,
  claims: ReturnType<typeof accessTokenClaims>,
  accessToken: string,
  {
    account,
    client,
    sub,
    scopes,
  }: { account: Account; client: Client; sub: string; scopes: readonly string[] },
) =>
  key.jwt.signId({
    iss: claims.iss,
    sub,
    aud: claims.client_id,
    iat: claims.iat,
    exp: claims.iat + tokenLifetimesOf(client).idToken,
    auth_time: claims.auth_time,
    acr: claims.acr,
    amr: claims.amr,
    sid: claims.sid,
    at_hash: atHash(key.algorithm, accessToken),
    ...claimsFor(account, scopes, {}, 'id_token'),
  })

/** Signs the tokens of an open session. */
export const mintTokens = (deps: Deps, session: SessionRecord, holder: Holder, now: Date): Tokens => {
  const { account, client } = holder
  const idTokenKey = deps.signingKeys.current(now, client.idTokenSignedResponseAlg)
  const sub = subjectOf(deps, client, account.id)
  const scopes = keptScope(client, session.scope).split(' ')
  const claims = accessTokenClaims(deps, session, holder, Math.floor(now.getTime() / 1000))
  const accessToken = deps.signingKeys.current(now).jwt.signAccess(claims)
  return {
    accessToken,
    tokenType: tokenType(holder.jkt ?? null),
    expiresInSeconds: claims.exp - claims.iat,
    idToken: idToken(idTokenKey, claims, accessToken, { account, client, sub, scopes }),
    refreshToken: formatRefreshToken(holder.refreshToken),
    scope: claims.scope,
    sub,
    subject: account.subject,
    sid: session.sid,
    acr: session.acr,
    amr: session.amr,
    authTime: session.authTime,
  }
}

/** An access token of a client for itself (`client_credentials`): no session, no account. */
export const mintClientToken = (
  deps: Omit<Deps, 'pairwiseSalt'>,
  client: Client,
  { scope, audience, jkt }: { scope: string; audience: string | null; jkt: string | null },
  now: Date,
): AccessToken => {
  const { issuer } = deps.config
  const iat = Math.floor(now.getTime() / 1000)
  const party = audience ?? ownAudienceOf(issuer, client, scope)
  const expiresInSeconds = tokenLifetimesOf(client).accessToken
  const claims = {
    iss: issuer,
    sub: client.clientId,
    aud: [party],
    client_id: client.clientId,
    iat,
    exp: iat + expiresInSeconds,
    jti: randomUUID(),
    scope: scopeFor(issuer, party, scope),
    ...confirmation(jkt),
  }
  return {
    accessToken: deps.signingKeys.current(now).jwt.signAccess(claims),
    tokenType: tokenType(jkt),
    expiresInSeconds,
    scope: claims.scope,
  }
}

/**
 * OpenID Connect Core 3.1.3.6: the left half of the access token's hash, by the hash of the algorithm that signs the ID
 * token. Ed25519 uses SHA-512 (RFC 8032 5.1).
 */
const atHash = (algorithm: SigningAlgorithm, accessToken: string): string => {
  const digest = hash(algorithm === 'EdDSA' ? 'sha512' : 'sha256', accessToken, 'buffer')
  return digest.subarray(0, digest.length / 2).toString('base64url')
}
