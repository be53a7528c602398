// The signing keys of this replica: read at start, and again when any replica announces that they changed.
import type { JWK } from 'jose'
import type { SigningAlgorithm } from '../clients/members.ts'
import type { Sealer } from '../encryption/sealer.ts'
import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'
import { type KeyJwt, openKeyJwt } from './open-key-jwt.ts'
import { publishedKeysAt, type SigningKey, signingKeyAt } from './select-signing-keys.ts'
import { listSigningKeys } from './store.ts'

/** A key that signs, and that verifies what it has signed. */
export type OpenKey = SigningKey & { jwt: KeyJwt }

export type SigningKeys = {
  /**
   * The key that signs at `now`, for ES256 where no other algorithm is named.
   * @throws {AuthError} temporarily_unavailable, where this replica has not read the first key of that ring yet
   */
  current(now: Date, algorithm?: SigningAlgorithm): OpenKey
  /** The key of that `kid` if it is published at `now`; null for any other. */
  find(kid: string, now: Date): OpenKey | null
  /** The key of that `kid`, also where it is published no more, for what is read as a hint; null for any other. */
  findAny(kid: string): OpenKey | null
  /** The public keys of the JWKS at `now`. */
  published(now: Date): JWK[]
  reload(): Promise<void>
}

type CacheDeps = { config: { issuer: string }; postgres: Sql; sealer: Sealer }

export const openSigningKeys = async (deps: CacheDeps): Promise<SigningKeys> => {
  const opened = new Map<string, KeyJwt>()
  let keys: OpenKey[] = []
  let asked = 0
  let held = 0
  const read = async (): Promise<OpenKey[]> => {
    const stored = await listSigningKeys(deps)
    return Promise.all(
      stored.map(async (key) => ({
        ...key,
        jwt: opened.get(key.kid) ?? (await openKeyJwt(key, deps.config.issuer)),
      })),
    )
  }
  const reload = async (): Promise<void> => {
    asked += 1
    const turn = asked
    const current = await read()
    // Two reloads at once may finish in the other order; what an earlier one has read never replaces what a later one has.
    if (turn < held) return
    held = turn
    keys = current
    opened.clear()
    for (const { kid, jwt } of current) opened.set(kid, jwt)
  }
  await reload()
  return {
    current(now, algorithm = 'ES256') {
      const ring = keys.filter((key) => key.algorithm === algorithm)
      if (ring.length > 0) return signingKeyAt(ring, now)
      // Another replica has made it, together with the client that is registered for it.
      reload().catch(() => {})
      throw new AuthError('temporarily_unavailable', `There is no ${algorithm} key yet.`, { retry_after: 1 })
    },
    find: (kid, now) => publishedKeysAt(keys, now).find((key) => key.kid === kid) ?? null,
    findAny: (kid) => keys.find((key) => key.kid === kid) ?? null,
    published: (now) => publishedKeysAt(keys, now).map((key) => key.publicJwk),
    reload,
  }
}
