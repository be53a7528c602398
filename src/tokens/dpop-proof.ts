// A DPoP proof (RFC 9449 4): a JWT by which a request shows that it holds a key. Pure, but for loading jose on first use.
// Whether a proof was used before, and which nonces are Postern's, is asked elsewhere (`callers/verify-dpop.ts`).
import { hash } from 'node:crypto'
import type { JWK } from 'jose'
import { AuthError, DPOP_ALGORITHMS } from '../errors.ts'

/** How old a proof may be, in seconds. */
export const DPOP_MAX_AGE_SECONDS = 60

/** How far ahead a client's clock may be, in seconds: at least 10 by the FAPI 2.0 Security Profile 5.3.2.1. */
export const DPOP_MAX_AHEAD_SECONDS = 30

/** Longer than any proof with a 4096-bit RSA key. */
const MAX_PROOF_LENGTH = 4_096

const MAX_JTI_LENGTH = 256

/** The request that a proof has to be about. `accessToken`: the one it is sent with, null at the token endpoint. */
export type ProvenRequest = { method: string; uri: string; accessToken: string | null; now: Date }

/** What a valid proof says: the RFC 7638 thumbprint of its key, its id, and the nonce in it. */
export type DpopProof = { jkt: string; jti: string; nonce: string | null }

const invalid = (description: string): AuthError => new AuthError('invalid_dpop_proof', description)

/** RFC 9449 4.3: compared without query and fragment, after the normalization of RFC 3986 6.2.2 and 6.2.3. */
const withoutQuery = (uri: unknown): string | null => {
  if (typeof uri !== 'string' || !URL.canParse(uri)) return null
  const url = new URL(uri)
  url.search = ''
  url.hash = ''
  return url.href
}

const isRecent = (iat: unknown, now: Date): boolean => {
  if (typeof iat !== 'number') return false
  const age = now.getTime() / 1000 - iat
  return age <= DPOP_MAX_AGE_SECONDS && age >= -DPOP_MAX_AHEAD_SECONDS
}

/** The reason why signed claims are not about `request`; null where they are. */
const mismatch = (claims: Record<string, unknown>, request: ProvenRequest): string | null => {
  const { jti, htm, htu, iat, ath, nonce } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH)
    return `jti is a text of 1 to ${MAX_JTI_LENGTH} characters.`
  if (htm !== request.method) return `htm is not the method of this request, ${request.method}.`
  if (withoutQuery(htu) !== withoutQuery(request.uri))
    return `htu is not the URI of this request, ${request.uri}.`
  if (!isRecent(iat, request.now)) return 'iat is missing, too old, or in the future; check the clock.'
  if (nonce !== undefined && typeof nonce !== 'string') return 'nonce is not a text.'
  const expected = request.accessToken === null ? undefined : accessTokenHash(request.accessToken)
  if (expected !== undefined && ath !== expected) return 'ath is not the hash of this access token.'
  return null
}

/** RFC 9449 4.2: SHA-256 of the access token's characters. */
const accessTokenHash = (accessToken: string): string => hash('sha256', accessToken, 'base64url')

/** The claims of a proof that its own key has signed. jose refuses a private or a symmetric key in it. */
const verified = async (
  proof: string,
  now: Date,
): Promise<{ jwk: JWK | undefined; claims: Record<string, unknown> }> => {
  const [{ jwtVerify }, { EmbeddedJWK }] = await Promise.all([
    import('jose/jwt/verify'),
    import('jose/jwk/embedded'),
  ])
  try {
    const options = { algorithms: DPOP_ALGORITHMS, typ: 'dpop+jwt', currentDate: now }
    const { protectedHeader, payload } = await jwtVerify(proof, EmbeddedJWK, options)
    return { jwk: protectedHeader.jwk, claims: payload }
  } catch {
    throw invalid(
      `It is no JWT of the type dpop+jwt, signed by the public key in its header with one of ${DPOP_ALGORITHMS.join(', ')}.`,
    )
  }
}

/**
 * Verifies the one value of a `DPoP` header.
 * @throws {AuthError} invalid_dpop_proof
 */
export const readDpopProof = async (proof: string, request: ProvenRequest): Promise<DpopProof> => {
  if (proof.length > MAX_PROOF_LENGTH) throw invalid('It is too long.')
  const { jwk, claims } = await verified(proof, request.now)
  const problem = mismatch(claims, request)
  if (problem !== null) throw invalid(problem)
  const { calculateJwkThumbprint } = await import('jose/jwk/thumbprint')
  const { jti, nonce } = claims
  if (!jwk || typeof jti !== 'string') throw invalid('It has no key.')
  return { jkt: await calculateJwkThumbprint(jwk), jti, nonce: typeof nonce === 'string' ? nonce : null }
}
