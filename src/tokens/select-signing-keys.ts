// Which signing keys are published and which one signs. Pure: decided by time alone, so that all replicas agree.
import type { KeyObject } from 'node:crypto'
import type { JWK } from 'jose'

/** Lifetime of access and ID tokens, in seconds. */
export const TOKEN_TTL_SECONDS = 600

/** A new key stands in the JWKS this long before it signs: longer than gateways cache the JWKS (300 s). */
export const PUBLISH_LEAD_SECONDS = 600

/** How long a gateway may keep the JWKS, in seconds. */
export const JWKS_MAX_AGE_SECONDS = 300

const CLOCK_SKEW_SECONDS = 60

export type SigningKey = {
  kid: string
  algorithm: 'ES256'
  publicJwk: JWK
  privateKey: KeyObject
  signsFrom: Date
}

/** The key that signs at `now`: the one whose turn began last. @throws {Error} if none may sign yet. */
export const signingKeyAt = (keys: readonly SigningKey[], now: Date): SigningKey => {
  const [current] = keys
    .filter((key) => key.signsFrom <= now)
    .sort((a, b) => b.signsFrom.getTime() - a.signsFrom.getTime())
  if (!current) throw new Error('no signing key may sign yet')
  return current
}

/** The keys to publish at `now`: those to come, the current one, and those whose last token may still be valid. */
export const publishedKeysAt = (keys: readonly SigningKey[], now: Date): SigningKey[] => {
  const byTurn = [...keys].sort((a, b) => a.signsFrom.getTime() - b.signsFrom.getTime())
  return byTurn.filter((_, index) => {
    const successor = byTurn[index + 1]
    if (!successor) return true
    const lastTokenExpires = successor.signsFrom.getTime() + (TOKEN_TTL_SECONDS + CLOCK_SKEW_SECONDS) * 1000
    return now.getTime() < lastTokenExpires
  })
}
