import { createPublicKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { JWK } from 'jose'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { signingKeyCreated } from '../audit/administration-events.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { announceChange } from '../ephemeral/announce-change.ts'
import { AuthError } from '../errors.ts'
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

/** From when the new key signs: once every gateway has had time to read the JWKS again, or now. */
type RotationTurn = 'next' | 'now'

/** A key as the JWKS has it from now on. */
export type PublishedKey = Pick<SigningKey, 'kid' | 'algorithm' | 'signsFrom'>

/**
 * Publishes a new signing key and returns it. If it signs `now`, gateways refuse its tokens until they read the JWKS
 * again.
 * @throws {AuthError} conflict, where the `next` key is asked for and the key of the last rotation does not sign yet.
 */
export const rotateSigningKey = async (
  deps: RotateDeps,
  origin: Origin,
  turn: RotationTurn = 'next',
): Promise<PublishedKey> => {
  const leadSeconds = turn === 'now' ? 0 : PUBLISH_LEAD_SECONDS
  const key = await newSigningKey(new Date(origin.now.getTime() + leadSeconds * 1000))
  const stored = await insertSigningKey(
    deps,
    { ...key, createdAt: origin.now, turn },
    signingKeyCreated(origin, key),
  )
  if (!stored) throw new AuthError('conflict', 'The key of the last rotation is still waiting for its turn.')
  await deps.signingKeys.reload()
  await announceChange(deps, 'signing_keys')
  return key
}
