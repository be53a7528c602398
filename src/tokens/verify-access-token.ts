// Verifying Postern's own access tokens (RFC 9068 section 4). Signatures are checked by jose, once a token:
// a verified token is remembered until it expires, since checking ES256 costs what signing costs. Whether
// its session still lives is asked every time, elsewhere.
import type { JWTPayload } from 'jose'
import { JOSEError } from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import { jwtVerify } from 'jose/jwt/verify'
import { LRUCache } from 'lru-cache'
import { hashToken } from '../encryption/opaque-token.ts'
import { AuthError } from '../errors.ts'
import { isWithin } from '../policy/age.ts'
import type { SigningKeys } from './signing-key-cache.ts'

/** The claims of an access token that Postern's routes look at. `sid` is null for a client's own token. */
export type AccessTokenClaims = {
  sub: string
  clientId: string
  sid: string | null
  scope: string
  /** Epoch seconds. */
  issuedAt: number
  expiresAt: number
}

export type AccessTokenVerifier = (token: string, now: Date) => Promise<AccessTokenClaims>

const REMEMBERED_TOKENS = 20_000
const MAX_TOKEN_LENGTH = 8_192

const text = (payload: JWTPayload, claim: string): string | null => {
  const value = payload[claim]
  return typeof value === 'string' ? value : null
}

const readClaims = (payload: JWTPayload): AccessTokenClaims => {
  const clientId = text(payload, 'client_id')
  if (!payload.sub || !clientId || !payload.iat || !payload.exp) throw new AuthError('invalid_token')
  return {
    sub: payload.sub,
    clientId,
    sid: text(payload, 'sid'),
    scope: text(payload, 'scope') ?? '',
    issuedAt: payload.iat,
    expiresAt: payload.exp,
  }
}

/** Not expired, and not of the future: where a clock is behind, such a token would live longer than it may. */
const isCurrent = ({ issuedAt, expiresAt }: AccessTokenClaims, now: Date): boolean =>
  isWithin(expiresAt - issuedAt, issuedAt, now)

/**
 * A verifier with its memory. It takes ES256 alone, finds the key by `kid` among the published ones, and
 * ignores `jku`, `jwk` and `x5u`; `typ`, `iss`, `aud`, `iat` and `exp` are checked.
 */
export const createAccessTokenVerifier = (deps: {
  config: { issuer: string }
  signingKeys: SigningKeys
}): AccessTokenVerifier => {
  const remembered = new LRUCache<string, AccessTokenClaims>({ max: REMEMBERED_TOKENS })
  return async (token, now) => {
    if (token.length > MAX_TOKEN_LENGTH) throw new AuthError('invalid_token')
    const key = hashToken(token)
    const known = remembered.get(key)
    if (known && isCurrent(known, now)) return known
    try {
      const { payload } = await jwtVerify(
        token,
        createLocalJWKSet({ keys: deps.signingKeys.published(now) }),
        {
          algorithms: ['ES256'],
          typ: 'at+jwt',
          issuer: deps.config.issuer,
          audience: deps.config.issuer,
          requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti'],
          currentDate: now,
        },
      )
      const claims = readClaims(payload)
      if (!isCurrent(claims, now)) throw new AuthError('invalid_token')
      remembered.set(key, claims)
      return claims
    } catch (error) {
      if (error instanceof JOSEError) throw new AuthError('invalid_token')
      throw error
    }
  }
}
