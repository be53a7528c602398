import { findClients } from '../../clients/store.ts'
import type { Sql } from '../../postgres/pool.ts'
import { decodeCursor, toPage } from '../../wire/page-cursor.ts'
import { type ClientItem, toClientItem } from './schemas.ts'

const KEY = [/^[A-Za-z0-9._-]{1,64}$/]

/**
 * One page of clients, by id.
 * @throws {AuthError} invalid_request, for a cursor that this list did not give.
 */
export const listClients = async (
  deps: { postgres: Sql },
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<{ items: ClientItem[]; next_cursor: string | null }> => {
  const [afterClientId = ''] = cursor === undefined ? [] : decodeCursor(cursor, KEY)
  const clients = await findClients(deps, { afterClientId, limit: limit + 1 })
  return toPage(clients.map(toClientItem), limit, ({ client_id: clientId }) => [clientId])
}
