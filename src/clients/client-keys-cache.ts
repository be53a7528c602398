// The public keys of clients that authenticate by them: registered by value, or fetched from the `jwks_uri`.
//
// Decision: jose keeps what was fetched for ten minutes. A signature by a key that is not among them makes it fetch again,
// at most twice a minute. After a failure nothing is asked for ten seconds, so that a client whose keys are away costs
// neither Postern nor that host more than a request now and then, whoever sends assertions in its name.
import type { FlattenedJWSInput, JWSHeaderParameters, JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { fetchFrom } from '../outbound/fetch-from.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { OutboundError } from '../outbound/outbound-error.ts'
import type { Client } from './client.ts'

export type ClientKeys = {
  /**
   * What finds the key of a JWT that the client has signed; null where it has none registered.
   * It throws errors of jose, and `OutboundError` where the keys cannot be fetched.
   */
  of(client: Pick<Client, 'jwks' | 'jwksUri'>): Promise<JWTVerifyGetKey | null>
}

const MAX_CLIENTS = 1_000
/** The time is shorter than the one in which every request is answered (docs/security.md 36). */
const ASKED = { method: 'GET', accept: 'application/json', maxBytes: 64 * 1024, timeoutMs: 1_500 } as const
const FETCHED_AGAIN_AFTER_MS = 30_000
const NOT_ASKED_AFTER_FAILURE_MS = 10_000

type Deps = { outbound: Outbound; clock: () => Date }

/** @throws {OutboundError} where it is none */
const requireKeySet = async (body: Buffer): Promise<void> => {
  const { createLocalJWKSet } = await import('jose/jwks/local')
  try {
    createLocalJWKSet(JSON.parse(body.toString('utf8')))
  } catch (error) {
    throw new OutboundError('unreachable', 'the answer is no set of keys', error)
  }
}

/** A `fetch` for jose that goes through `outbound/`, and that remembers a failure for a while. */
const cautiousFetch = (deps: Deps) => {
  let failed: { error: unknown; atMs: number } | null = null
  return async (url: string, { signal }: { signal: AbortSignal }): Promise<Response> => {
    const atMs = deps.clock().getTime()
    if (failed && Math.abs(atMs - failed.atMs) < NOT_ASKED_AFTER_FAILURE_MS) throw failed.error
    try {
      const { status, body } = await fetchFrom(deps, url, { ...ASKED, signal })
      if (status !== 200) throw new OutboundError('unreachable', `status ${status}`)
      await requireKeySet(body)
      failed = null
      return new Response(new Uint8Array(body))
    } catch (error) {
      failed = { error, atMs }
      throw error
    }
  }
}

export const openClientKeys = (deps: Deps): ClientKeys => {
  const remote = new LRUCache<string, JWTVerifyGetKey>({ max: MAX_CLIENTS })
  const local = new WeakMap<object, JWTVerifyGetKey>()
  const fetched = async (uri: string): Promise<JWTVerifyGetKey> => {
    const { createRemoteJWKSet, customFetch } = await import('jose/jwks/remote')
    const known = remote.get(uri)
    if (known) return known
    const options = { cooldownDuration: FETCHED_AGAIN_AFTER_MS, [customFetch]: cautiousFetch(deps) }
    const keys = createRemoteJWKSet(new URL(uri), options)
    const find = (header: JWSHeaderParameters, token: FlattenedJWSInput) => keys(header, token)
    remote.set(uri, find)
    return find
  }
  return {
    async of({ jwks, jwksUri }) {
      if (jwksUri !== null) return fetched(jwksUri)
      if (jwks === null) return null
      const { createLocalJWKSet } = await import('jose/jwks/local')
      const known = local.get(jwks) ?? createLocalJWKSet(jwks)
      local.set(jwks, known)
      return known
    },
  }
}
