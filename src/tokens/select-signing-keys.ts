// Which signing keys are published and which one signs. Pure: decided by time alone, so that all replicas agree.
import type { KeyObject } from 'node:crypto'
import type { JWK } from 'jose'

/** Lifetime of access and ID tokens, in seconds. */
export const TOKEN_TTL_SECONDS = 600

/** A new key is in the JWKS this long before it signs: longer than gateways cache the JWKS (300 s). */
export const PUBLISH_LEAD_SECONDS = 600

/** How long a gateway may keep the JWKS, in seconds. */
export const JWKS_MAX_AGE_SECONDS = 300

/** A replaced key stays published this long after its last token expired: gateways may allow that much for clocks. */
const PUBLISHED_AFTER_LAST_TOKEN_SECONDS = 60

export type SigningKey = {
  kid: string
  algorithm: 'ES256'
  publicJwk: JWK
  privateKey: KeyObject
  signsFrom: Date
}

/**
 * The key that signs at `now`: the one whose turn began last. Where none has begun, because the clock was ahead at the
 * first start, the oldest signs. @throws {Error} if there is none.
 */
export const signingKeyAt = <Key extends Pick<SigningKey, 'signsFrom'>>(
  keys: readonly Key[],
  now: Date,
): Key => {
  const byTurn = [...keys].sort((a, b) => a.signsFrom.getTime() - b.signsFrom.getTime())
  const current = byTurn.findLast((key) => key.signsFrom <= now) ?? byTurn[0]
  if (!current) throw new Error('there is no signing key')
  return current
}

/** The keys to publish at `now`: the next ones, the current one, and those whose last token may still be valid. */
export const publishedKeysAt = <Key extends Pick<SigningKey, 'signsFrom'>>(
  keys: readonly Key[],
  now: Date,
): Key[] => {
  const byTurn = [...keys].sort((a, b) => a.signsFrom.getTime() - b.signsFrom.getTime())
  return byTurn.filter((_, index) => {
    const successor = byTurn[index + 1]
    if (!successor) return true
    const publishedSeconds = TOKEN_TTL_SECONDS + PUBLISHED_AFTER_LAST_TOKEN_SECONDS
    return now.getTime() < successor.signsFrom.getTime() + publishedSeconds * 1000
  })
}
