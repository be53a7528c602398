// The clients that this replica has used: read when first asked for, and forgotten when any replica announces that
// clients changed, or after a minute.
import { LRUCache } from 'lru-cache'
import type { Sql } from '../postgres/pool.ts'
import type { Client } from './client.ts'
import { findClient, findWebOrigins } from './store.ts'

export type Clients = {
  /** The client, or null if there is none by that id, or it is disabled. */
  find(clientId: string): Promise<Client | null>
  /** The origins from which pages of any client may call. */
  webOrigins(): Promise<ReadonlySet<string>>
  forgetAll(): void
}

const MAX_CLIENTS = 1_000
const MAX_AGE_MS = 60_000

export const openClients = (deps: { postgres: Sql }): Clients => {
  const cache = new LRUCache<string, Client>({ max: MAX_CLIENTS, ttl: MAX_AGE_MS })
  // All of them are read at once, so that a stranger who names new ones costs no statement each.
  const origins = new LRUCache<'all', Promise<ReadonlySet<string>>>({ max: 1, ttl: MAX_AGE_MS })
  let generation = 0
  return {
    async find(clientId) {
      const known = cache.get(clientId)
      if (known) return known
      const readIn = generation
      const found = await findClient(deps, clientId)
      const client = found?.disabled ? null : found
      // A client that was read before clients changed must not be kept after that.
      if (client && readIn === generation) cache.set(clientId, client)
      return client
    },
    webOrigins() {
      const known = origins.get('all')
      if (known) return known
      const reading = findWebOrigins(deps).then((found) => new Set(found))
      origins.set('all', reading)
      reading.catch(() => {
        if (origins.peek('all') === reading) origins.clear()
      })
      return reading
    },
    forgetAll() {
      generation += 1
      cache.clear()
      origins.clear()
    },
  }
}
