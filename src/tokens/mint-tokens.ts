// The tokens of a session: a JWT access token (RFC 9068), an ID token (OpenID Connect Core 2), and the refresh token.
// The only place where tokens are signed.
import { hash, randomUUID } from 'node:crypto'
import type { Account } from '../accounts/account.ts'
import { audienceOf, type Client, keptScope, ownAudienceOf, scopeFor } from '../clients/client.ts'
import type { SigningAlgorithm } from '../clients/members.ts'
import type { SessionRecord } from '../ephemeral/sessions.ts'
import type { TokenScheme } from '../errors.ts'
import { claimsFor, readClaimsRequest, rolesClaim } from './claims-for.ts'
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

/** Those of a grant: null where its scope has no `openid`, and where its client does not renew. */
export type GrantTokens = Omit<Tokens, 'idToken' | 'refreshToken'> & {
  idToken: string | null
  refreshToken: string | null
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

/**
 * Roles are for whoever decides by them: a resource that the client is registered for, and a first-party client. Another
 * application reads its own tokens, and is told them where its user has consented to the scope. What a client has said of
 * its own subjects it is told in any case.
 */
const isToldRoles = (
  client: Client,
  account: Account,
  { party, scope }: { party: string; scope: string },
): boolean =>
  client.firstParty ||
  party !== client.clientId ||
  account.clientId === client.clientId ||
  scope.split(' ').includes('roles')

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
    sub: subjectOf(deps, client, account.id),
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
    ...(isToldRoles(client, account, { party, scope: session.scope }) && rolesClaim(account)),
    ...confirmation(jkt),
  }
}

/** What an authorization request has asked of the ID token: `claims` is its `claims` parameter, as the grant keeps it. */
type AskedOfIdToken = { nonce: string | null; claims: string | null }

const NOTHING_ASKED: AskedOfIdToken = { nonce: null, claims: null }

const idToken = (
  key: OpenKey,
  claims: ReturnType<typeof accessTokenClaims>,
  accessToken: string,
  {
    account,
    client,
    scopes,
    asked,
  }: { account: Account; client: Client; scopes: readonly string[]; asked: AskedOfIdToken },
) =>
  key.jwt.signId({
    iss: claims.iss,
    sub: claims.sub,
    aud: claims.client_id,
    iat: claims.iat,
    exp: claims.iat + tokenLifetimesOf(client).idToken,
    auth_time: claims.auth_time,
    acr: claims.acr,
    amr: claims.amr,
    sid: claims.sid,
    at_hash: atHash(key.algorithm, accessToken),
    ...(asked.nonce !== null && { nonce: asked.nonce }),
    ...claimsFor(account, scopes, readClaimsRequest(asked.claims), 'id_token'),
  })

/** The access token, and what is said of both: what the ID token is then made from. */
const mintAccess = (deps: Deps, session: SessionRecord, holder: Holder, now: Date) => {
  const { account, client } = holder
  const claims = accessTokenClaims(deps, session, holder, Math.floor(now.getTime() / 1000))
  const accessToken = deps.signingKeys.current(now).jwt.signAccess(claims)
  return {
    claims,
    scopes: keptScope(client, session.scope).split(' '),
    members: {
      accessToken,
      tokenType: tokenType(holder.jkt ?? null),
      expiresInSeconds: claims.exp - claims.iat,
      scope: claims.scope,
      sub: claims.sub,
      subject: account.subject,
      sid: session.sid,
      acr: session.acr,
      amr: session.amr,
      authTime: session.authTime,
    },
  }
}

const mintId = (
  deps: Deps,
  { account, client }: Holder,
  { claims, scopes, members }: ReturnType<typeof mintAccess>,
  { now, asked }: { now: Date; asked: AskedOfIdToken },
): string => {
  const key = deps.signingKeys.current(now, client.idTokenSignedResponseAlg)
  return idToken(key, claims, members.accessToken, { account, client, scopes, asked })
}

/** Signs the tokens of a session that was opened for a client. */
export const mintTokens = (deps: Deps, session: SessionRecord, holder: Holder, now: Date): Tokens => {
  const minted = mintAccess(deps, session, holder, now)
  return {
    ...minted.members,
    idToken: mintId(deps, holder, minted, { now, asked: NOTHING_ASKED }),
    refreshToken: formatRefreshToken(holder.refreshToken),
  }
}

/**
 * Signs the tokens of a client's grant in a browser's session. `isRenewable` false: its refresh token names the grant, and
 * is not given out.
 */
export const mintGrantTokens = (
  deps: Deps,
  session: SessionRecord,
  { nonce, claims, isRenewable, ...holder }: Holder & AskedOfIdToken & { isRenewable: boolean },
  now: Date,
): GrantTokens => {
  const minted = mintAccess(deps, session, holder, now)
  return {
    ...minted.members,
    idToken: minted.scopes.includes('openid')
      ? mintId(deps, holder, minted, { now, asked: { nonce, claims } })
      : null,
    refreshToken: isRenewable ? formatRefreshToken(holder.refreshToken) : null,
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
