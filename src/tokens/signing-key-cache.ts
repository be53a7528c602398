// The signing keys of this replica: read at start, and again when any replica says that they changed.
import type { JWK } from 'jose'
import type { Sealer } from '../encryption/sealer.ts'
import type { Sql } from '../postgres/pool.ts'
import { publishedKeysAt, type SigningKey, signingKeyAt } from './select-signing-keys.ts'
import { listSigningKeys } from './store.ts'

export type SigningKeys = {
  /** The key that signs at `now`. */
  current(now: Date): SigningKey
  /** The public keys of the JWKS at `now`. */
  published(now: Date): JWK[]
  reload(): Promise<void>
}

export const openSigningKeys = async (deps: { postgres: Sql; sealer: Sealer }): Promise<SigningKeys> => {
  let keys = await listSigningKeys(deps)
  return {
    current: (now) => signingKeyAt(keys, now),
    published: (now) => publishedKeysAt(keys, now).map((key) => key.publicJwk),
    async reload() {
      keys = await listSigningKeys(deps)
    },
  }
}
