// Which signing keys are published and which one signs. Pure: decided by time alone, so that all replicas agree.
import type { KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import type { Client } from '../clients/client.ts'
import type { SigningAlgorithm } from '../clients/members.ts'

/** Lifetime of access and ID tokens where their client does not say otherwise, in seconds. */
const TOKEN_TTL_SECONDS = 600

/** How long a client's tokens are valid, in seconds. */
export const tokenLifetimesOf = ({
  accessTokenLifetime,
  idTokenLifetime,
}: Pick<Client, 'accessTokenLifetime' | 'idTokenLifetime'>) => ({
  accessToken: accessTokenLifetime ?? TOKEN_TTL_SECONDS,
  idToken: idTokenLifetime ?? TOKEN_TTL_SECONDS,
})

/** What Postern signs for a client with, and how long the longest of these tokens live. */
export const signingOf = (
  client: Client,
): { algorithms: SigningAlgorithm[]; tokenLifetimeSeconds: number } => {
  const { accessToken, idToken } = tokenLifetimesOf(client)
  const algorithms = [
    client.idTokenSignedResponseAlg,
    client.userinfoSignedResponseAlg,
    client.introspectionSignedResponseAlg,
  ]
  return {
    algorithms: algorithms.filter((algorithm) => algorithm !== null),
    tokenLifetimeSeconds: Math.max(accessToken, idToken),
  }
}

/** A new key is in the JWKS this long before it signs: longer than gateways cache the JWKS (300 s). */
export const PUBLISH_LEAD_SECONDS = 600

/** How long a gateway may keep the JWKS, in seconds. */
export const JWKS_MAX_AGE_SECONDS = 300

/** A replaced key stays published this long after its last token expired: gateways may allow that much for clocks. */
const PUBLISHED_AFTER_LAST_TOKEN_SECONDS = 60

export type SigningKey = {
  kid: string
  algorithm: SigningAlgorithm
  publicJwk: JWK
  privateKey: KeyObject
  signsFrom: Date
  /** Of the tokens that it may have signed, the longest. */
  tokenLifetimeSeconds: number
}

/**
 * The key of a ring that signs at `now`: the one whose turn began last. Where none has begun, because the clock was ahead at the
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

type Published = Pick<SigningKey, 'algorithm' | 'signsFrom' | 'tokenLifetimeSeconds'>

/**
 * The keys to publish at `now`: of each ring the next ones, the current one, and those whose last token may still be
 * valid.
 */
export const publishedKeysAt = <Key extends Published>(keys: readonly Key[], now: Date): Key[] => {
  const byTurn = [...keys].sort((a, b) => a.signsFrom.getTime() - b.signsFrom.getTime())
  return byTurn.filter((key, index) => {
    const successor = byTurn.slice(index + 1).find(({ algorithm }) => algorithm === key.algorithm)
    if (!successor) return true
    const publishedSeconds = key.tokenLifetimeSeconds + PUBLISHED_AFTER_LAST_TOKEN_SECONDS
    return now.getTime() < successor.signsFrom.getTime() + publishedSeconds * 1000
  })
}
