import { createPublicKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { JWK } from 'jose'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { signingKeyCreated } from '../audit/administration-events.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { announceChange } from '../ephemeral/announce-change.ts'
import { PUBLISH_LEAD_SECONDS, type SigningKey } from './select-signing-keys.ts'
import { insertSigningKey } from './store.ts'

const generate = promisify(generateKeyPair)

/** A new ES256 key; its `kid` is the RFC 7638 thumbprint. */
const newSigningKey = async (signsFrom: Date): Promise<SigningKey> => {
  const { privateKey } = await generate('ec', { namedCurve: 'P-256' })
  const jwk: JWK = createPublicKey(privateKey).export({ format: 'jwk' })
  const kid = await calculateJwkThumbprint(jwk)
  return {
    kid,
    algorithm: 'ES256',
    publicJwk: { ...jwk, kid, alg: 'ES256', use: 'sig' },
    privateKey,
    signsFrom,
  }
}

type RotateDeps = Pick<Deps, 'postgres' | 'sealer' | 'signingKeys' | 'ephemeral' | 'log'>

/** The first key, which signs at once. Does nothing where there is one; replicas that start together make one. */
export const ensureSigningKey = async (
  deps: Pick<RotateDeps, 'postgres' | 'sealer'>,
  origin: Origin,
): Promise<void> => {
  const key = await newSigningKey(origin.now)
  await insertSigningKey(
    deps,
    { ...key, createdAt: origin.now, turn: 'first' },
    signingKeyCreated(origin, key),
  )
}

/**
 * Publishes the next signing key; it signs once every gateway has had time to read the JWKS again.
 * Returns it, or null where the last rotation's key is still waiting for its turn.
 */
export const rotateSigningKey = async (
  deps: RotateDeps,
  origin: Origin,
): Promise<{ kid: string; algorithm: string; signsFrom: Date } | null> => {
  const key = await newSigningKey(new Date(origin.now.getTime() + PUBLISH_LEAD_SECONDS * 1000))
  const stored = await insertSigningKey(
    deps,
    { ...key, createdAt: origin.now, turn: 'next' },
    signingKeyCreated(origin, key),
  )
  if (!stored) return null
  await deps.signingKeys.reload()
  await announceChange(deps, 'signing_keys')
  return key
}
