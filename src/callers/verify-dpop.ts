// Whether a request shows that it holds the key that it says (RFC 9449): the proof, its nonce, and that it is used once.
import type { FastifyRequest } from 'fastify'
import type { Client } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { AuthError, PROOF_ERRORS } from '../errors.ts'
import { CLOCK_SKEW_SECONDS } from '../policy/age.ts'
import {
  DPOP_MAX_AGE_SECONDS,
  DPOP_MAX_AHEAD_SECONDS,
  type DpopProof,
  readDpopProof,
} from '../tokens/dpop-proof.ts'
import { presentedToken } from './access-token.ts'

type ProofDeps = Pick<Deps, 'config' | 'dpopNonces' | 'ephemeral'>

/** A key that a request holds, by its RFC 7638 thumbprint. */
export type ProvenKey = { jkt: string }

/** As long as any replica may accept the proof, whatever its clock. */
const REMEMBERED_MS = (DPOP_MAX_AGE_SECONDS + DPOP_MAX_AHEAD_SECONDS + CLOCK_SKEW_SECONDS) * 1000

/** The proof of a request, valid but for its being used once. A second header is joined to the first, and is no JWT. */
const readProof = async (
  deps: ProofDeps,
  request: FastifyRequest,
  accessToken: string | null,
  now: Date,
): Promise<DpopProof> => {
  const { method, headers, url } = request
  const { dpop: header } = headers
  if (typeof header !== 'string') throw new AuthError('invalid_dpop_proof', 'The DPoP header is missing.')
  const [path = ''] = url.split('?')
  const uri = `${deps.config.issuer}${path}`
  const proof = await readDpopProof(header, { method, uri, accessToken, now })
  if (proof.nonce === null || !deps.dpopNonces.accepts(proof.nonce, now))
    throw new AuthError('use_dpop_nonce')
  return proof
}

/** Decision: marked as used last, so that whoever is refused for something else stores nothing. */
const useOnce = async (deps: ProofDeps, { jkt, jti }: DpopProof, now: Date): Promise<void> => {
  const isFirst = await deps.ephemeral.replays.firstUse(`dpop ${jkt} ${jti}`, REMEMBERED_MS, now.getTime())
  if (!isFirst)
    throw new AuthError('invalid_dpop_proof', 'This proof was used before; each request has its own.')
}

/**
 * The key that a request without an access token proves; null where it sends no proof. A client that is registered for
 * DPoP need not send one with a pushed authorization request: RFC 9449 5.2 is about its token requests.
 * @throws {AuthError} invalid_dpop_proof, use_dpop_nonce
 */
export const verifyOfferedDpop = async (
  deps: ProofDeps,
  request: FastifyRequest,
  now: Date,
): Promise<ProvenKey | null> => {
  if (request.headers.dpop === undefined) return null
  const proof = await readProof(deps, request, null, now)
  await useOnce(deps, proof, now)
  return { jkt: proof.jkt }
}

/**
 * The key that a token request of `client` proves, to which its tokens are bound; null where it sends no proof, and
 * needs none.
 * @throws {AuthError} invalid_dpop_proof, also where the client has to send one; use_dpop_nonce
 */
export const verifyDpop = async (
  deps: ProofDeps,
  request: FastifyRequest,
  client: Pick<Client, 'dpopBoundAccessTokens'>,
  now: Date,
): Promise<ProvenKey | null> => {
  const proven = await verifyOfferedDpop(deps, request, now)
  if (proven || !client.dpopBoundAccessTokens) return proven
  const text = 'This client is registered for DPoP: it sends a proof with each token request (RFC 9449).'
  throw new AuthError('invalid_dpop_proof', text)
}

/** RFC 9449 7.1: where the proof comes with an access token, its refusals are 401. */
const ofResource = (error: unknown): unknown =>
  error instanceof AuthError && PROOF_ERRORS.includes(error.code)
    ? new AuthError(error.code, error.message, error.details, 401)
    : error

/**
 * The thumbprint of the key that a request with a bound access token (`Authorization: DPoP …`) proves; null for any
 * other request.
 * @throws {AuthError} invalid_token, where the token is bound to another key or to none; invalid_dpop_proof, use_dpop_nonce
 */
export const proveKey = async (
  deps: ProofDeps & Pick<Deps, 'verifyIssuedToken'>,
  request: FastifyRequest,
  now: Date,
): Promise<string | null> => {
  const presented = presentedToken(request.headers.authorization)
  if (presented?.scheme !== 'DPoP') return null
  const { token } = presented
  const { jkt } = await deps.verifyIssuedToken(token, now)
  if (jkt === null)
    throw new AuthError('invalid_token', 'This access token is bound to no key: send it as a Bearer token.')
  try {
    const proof = await readProof(deps, request, token, now)
    if (proof.jkt !== jkt) throw new AuthError('invalid_token', 'The access token is bound to another key.')
    await useOnce(deps, proof, now)
    return jkt
  } catch (error) {
    throw ofResource(error)
  }
}
