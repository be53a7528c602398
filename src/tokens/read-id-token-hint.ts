// An ID token that comes back as a hint (OpenID Connect Core 3.1.2.1, RP-Initiated Logout 1.0 2): it says whom a client means,
// and proves nothing but that it was issued here. It may have expired.
import type { SigningKeys } from './signing-key-cache.ts'

export type IdTokenHint = {
  sub: string
  clientId: string
  /** Null in a token from before sessions had one. */
  sid: string | null
}

const MAX_LENGTH = 8_192

/** Null for what is no ID token of this issuer, or was signed by a key that is gone. */
export const readIdTokenHint = (
  { signingKeys }: { signingKeys: SigningKeys },
  token: string,
  now: Date,
): IdTokenHint | null => {
  if (token.length > MAX_LENGTH) return null
  try {
    const { kid } = signingKeys.current(now).jwt.readHeader(token)
    const key = typeof kid === 'string' ? signingKeys.findAny(kid) : null
    if (!key) return null
    const { sub, aud, sid = null } = key.jwt.verifyId(token)
    if (typeof sub !== 'string' || typeof aud !== 'string') return null
    return { sub, clientId: aud, sid: typeof sid === 'string' ? sid : null }
  } catch {
    return null
  }
}
