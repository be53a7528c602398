import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { JWK } from 'jose'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { signingKeyCreated } from '../audit/administration-events.ts'
import type { Origin } from '../audit/event.ts'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../clients/members.ts'
import type { Deps } from '../deps.ts'
import { announceChange } from '../ephemeral/announce-change.ts'
import { AuthError } from '../errors.ts'
import { PUBLISH_LEAD_SECONDS, type SigningKey } from './select-signing-keys.ts'
import { insertSigningKey, listRings, raiseTokenLifetime } from './store.ts'

const generate = promisify(generateKeyPair)

const generatePrivateKey: Record<SigningAlgorithm, () => Promise<KeyObject>> = {
  ES256: async () => (await generate('ec', { namedCurve: 'P-256' })).privateKey,
  RS256: async () => (await generate('rsa', { modulusLength: 2048 })).privateKey,
  EdDSA: async () => (await generate('ed25519')).privateKey,
}

/** A key to store: how long its tokens live is known in the database alone. */
type NewSigningKey = Omit<SigningKey, 'tokenLifetimeSeconds'>

/** A new key; its `kid` is the RFC 7638 thumbprint. */
const newSigningKey = async (algorithm: SigningAlgorithm, signsFrom: Date): Promise<NewSigningKey> => {
  const privateKey = await generatePrivateKey[algorithm]()
  const jwk: JWK = createPublicKey(privateKey).export({ format: 'jwk' })
  const kid = await calculateJwkThumbprint(jwk)
  return { kid, algorithm, publicJwk: { ...jwk, kid, alg: algorithm, use: 'sig' }, privateKey, signsFrom }
}

type StoreDeps = Pick<Deps, 'postgres' | 'sealer'>
type RotateDeps = StoreDeps & Pick<Deps, 'signingKeys' | 'ephemeral' | 'log'>

/**
 * The first key of a ring, which signs at once. Does nothing where there is one; replicas that do it together make one.
 * True where it was made.
 */
export const ensureSigningKey = async (
  deps: StoreDeps,
  origin: Origin,
  algorithm: SigningAlgorithm = 'ES256',
): Promise<boolean> => {
  if ((await listRings(deps)).includes(algorithm)) return false
  const key = await newSigningKey(algorithm, origin.now)
  return insertSigningKey(
    deps,
    { ...key, createdAt: origin.now, turn: 'first' },
    signingKeyCreated(origin, key),
  )
}

/**
 * Makes Postern ready to sign for a client before it is registered so: a ring for each of its algorithms, and keys that
 * stay published for as long as its tokens live.
 */
export const prepareSigning = async (
  deps: RotateDeps,
  origin: Origin,
  { algorithms, tokenLifetimeSeconds }: { algorithms: SigningAlgorithm[]; tokenLifetimeSeconds: number },
): Promise<void> => {
  let changed = await raiseTokenLifetime(deps, tokenLifetimeSeconds)
  for (const algorithm of new Set(algorithms))
    changed = (await ensureSigningKey(deps, origin, algorithm)) || changed
  if (!changed) return
  await deps.signingKeys.reload()
  await announceChange(deps, 'signing_keys')
}

/** From when the new key signs: once every gateway has had time to read the JWKS again, or now. */
type RotationTurn = 'next' | 'now'

/** A key as the JWKS has it from now on. */
export type PublishedKey = Pick<SigningKey, 'kid' | 'algorithm' | 'signsFrom'>

const rotateRing = async (
  deps: RotateDeps,
  origin: Origin,
  turn: RotationTurn,
  algorithm: SigningAlgorithm,
): Promise<PublishedKey | null> => {
  const leadSeconds = turn === 'now' ? 0 : PUBLISH_LEAD_SECONDS
  const key = await newSigningKey(algorithm, new Date(origin.now.getTime() + leadSeconds * 1000))
  const event = signingKeyCreated(origin, key)
  return (await insertSigningKey(deps, { ...key, createdAt: origin.now, turn }, event)) ? key : null
}

/**
 * Publishes a new signing key of one ring, or of every ring that there is, and returns them, ES256 first. If it signs
 * `now`, gateways refuse its tokens until they read the JWKS again.
 * @throws {AuthError} not_found, where there is no ring of that algorithm; conflict, where the `next` key is asked for
 *   and in each of the rings the key of the last rotation does not sign yet.
 */
export const rotateSigningKeys = async (
  deps: RotateDeps,
  origin: Origin,
  turn: RotationTurn = 'next',
  only: SigningAlgorithm | null = null,
): Promise<PublishedKey[]> => {
  const rings = await listRings(deps)
  const rotated = SIGNING_ALGORITHMS.filter((one) => rings.includes(one) && (only === null || one === only))
  if (rotated.length === 0)
    throw new AuthError('not_found', `No client is registered for ${only}, so it has no keys to rotate.`)
  const keys: PublishedKey[] = []
  for (const algorithm of rotated) {
    const key = await rotateRing(deps, origin, turn, algorithm)
    if (key) keys.push(key)
  }
  if (keys.length === 0)
    throw new AuthError('conflict', 'The key of the last rotation is still waiting for its turn.')
  await deps.signingKeys.reload()
  await announceChange(deps, 'signing_keys')
  return keys
}
