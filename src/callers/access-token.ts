// How a request presents its access token (RFC 6750 2.1, RFC 9449 7.1). Pure.
import { AuthError, type TokenScheme } from '../errors.ts'

/** What a request presents of its caller: its `Authorization`, and the key that it has proven (`verify-dpop.ts`). */
export type Presented = { authorization: string | undefined; jkt: string | null }

export type PresentedToken = { scheme: TokenScheme; token: string }

/** Null where the request presents no access token. */
export const presentedToken = (authorization: string | undefined): PresentedToken | null => {
  const [, scheme, token] = /^(Bearer|DPoP) ([\w.~+/-]+=*)$/i.exec(authorization ?? '') ?? []
  if (!scheme || !token) return null
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token }
}

/** The access token of a request. @throws {AuthError} invalid_token where there is none. */
export const requireToken = (authorization: string | undefined): PresentedToken => {
  const presented = presentedToken(authorization)
  if (presented) return presented
  throw new AuthError('invalid_token', 'An access token is needed in the Authorization header.')
}

/**
 * A token that is bound to a key is worth nothing without the proof of that key, and only with it comes as DPoP.
 * @throws {AuthError} invalid_token
 */
export const requireBinding = (
  claims: { jkt: string | null },
  { scheme }: PresentedToken,
  provenJkt: string | null,
): void => {
  if (claims.jkt === null && scheme === 'Bearer') return
  if (claims.jkt === null)
    throw new AuthError('invalid_token', 'This access token is bound to no key: send it as a Bearer token.')
  if (scheme === 'DPoP' && claims.jkt === provenJkt) return
  throw new AuthError(
    'invalid_token',
    'This access token is bound to a key: send it as `Authorization: DPoP` with a proof of that key (RFC 9449 7.1).',
  )
}
