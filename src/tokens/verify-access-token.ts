// Verifies Postern's own access tokens (RFC 9068 section 4). The signature is checked once for each token, and the token
// remembered until it expires, because checking ES256 costs as much as signing. Its lifetime, and whether its key is
// still published, are checked every time. Whether its session is live is checked elsewhere.
import { LRUCache } from 'lru-cache'
import { hashToken } from '../encryption/opaque-token.ts'
import { AuthError } from '../errors.ts'
import { isWithin } from '../policy/age.ts'
import { parseGrantClaim } from './grant-claim.ts'
import type { SigningKeys } from './signing-key-cache.ts'

type Claims = {
  kid: string
  clientId: string
  /** Whom the token is for. */
  audience: readonly string[]
  scope: string
  jti: string
  /** The thumbprint of the key that it is bound to (RFC 9449 6); null for none. */
  jkt: string | null
  /** Epoch seconds. */
  issuedAt: number
  expiresAt: number
}

/** Where the session of an account's token is, and the grant in it: `sub` may be a pairwise one, which names no account. */
type SessionClaims = { accountTag: string; sid: string; grantId: string }

/**
 * What Postern's routes read of an access token. An account's token names its session and its grant. A client's own token
 * names the client as its subject, and no session. Any other token is refused, so that one kind is never taken for the
 * other.
 */
export type AccessTokenClaims = Claims & (({ of: 'account' } & SessionClaims) | { of: 'client' })

export type AccessTokenVerifier = (token: string, now: Date) => Promise<AccessTokenClaims>

const REMEMBERED_TOKENS = 20_000
const MAX_TOKEN_LENGTH = 8_192

/** `cnf` as Postern writes it; undefined where it says anything else, and the token is refused. */
const readKey = (confirmation: unknown): string | null | undefined => {
  if (confirmation === undefined) return null
  if (typeof confirmation !== 'object' || confirmation === null || !('jkt' in confirmation)) return undefined
  return typeof confirmation.jkt === 'string' ? confirmation.jkt : undefined
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')

const readClaims = (kid: string, payload: Record<string, unknown>): AccessTokenClaims | null => {
  const { sub, sid, client_id: clientId, scope = '', iat: issuedAt, exp: expiresAt, jti, aud } = payload
  if (typeof sub !== 'string' || typeof clientId !== 'string' || typeof scope !== 'string') return null
  if (!Number.isInteger(issuedAt) || !Number.isInteger(expiresAt) || typeof jti !== 'string') return null
  const jkt = readKey(payload.cnf)
  if (!isTexts(aud) || jkt === undefined) return null
  const times = { issuedAt: Number(issuedAt), expiresAt: Number(expiresAt) }
  const claims = { kid, clientId, audience: aud, scope, jti, jkt, ...times }
  const grant = parseGrantClaim(payload.grant_id)
  if (typeof sid === 'string' && grant && sub !== clientId) return { ...claims, of: 'account', sid, ...grant }
  return sid === undefined && sub === clientId ? { ...claims, of: 'client' } : null
}

/** Neither expired nor of the future: where a clock is behind, a token of the future would be valid for too long. */
const isCurrent = ({ issuedAt, expiresAt }: AccessTokenClaims, now: Date): boolean =>
  isWithin(expiresAt - issuedAt, issuedAt, now)

const isOfJwtLibrary = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^(?:FAST|FST)_JWT_/.test(String(error.code))

/** Null for what @fastify/jwt refuses: malformed, another algorithm, type, issuer, audience or key, altered. */
const verified = (
  { signingKeys }: { signingKeys: SigningKeys },
  token: string,
  now: Date,
): AccessTokenClaims | null => {
  try {
    const { kid } = signingKeys.current(now).jwt.readHeader(token)
    const key = typeof kid === 'string' ? signingKeys.find(kid, now) : null
    return key && readClaims(key.kid, key.jwt.verifyAccess(token))
  } catch (error) {
    if (isOfJwtLibrary(error)) return null
    throw error
  }
}

/** A verifier of tokens that are for `audience`. */
export const forAudience =
  (verify: AccessTokenVerifier, audience: string): AccessTokenVerifier =>
  async (token, now) => {
    const claims = await verify(token, now)
    if (!claims.audience.includes(audience)) throw new AuthError('invalid_token')
    return claims
  }

/**
 * A verifier of tokens for whomever, with its memory. The key is found by `kid` among the published ones; `jku`, `jwk` and `x5u` are
 * ignored.
 */
export const createAccessTokenVerifier = (deps: { signingKeys: SigningKeys }): AccessTokenVerifier => {
  const remembered = new LRUCache<string, AccessTokenClaims>({ max: REMEMBERED_TOKENS })
  return async (token, now) => {
    if (token.length > MAX_TOKEN_LENGTH) throw new AuthError('invalid_token')
    const key = hashToken(token)
    const known = remembered.get(key)
    const claims = known ?? verified(deps, token, now)
    // Tokens of a key that was withdrawn are refused.
    if (!claims || !isCurrent(claims, now) || !deps.signingKeys.find(claims.kid, now))
      throw new AuthError('invalid_token')
    if (!known) remembered.set(key, claims)
    return claims
  }
}
