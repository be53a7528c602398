import { findClient } from '../../clients/store.ts'
import { AuthError } from '../../errors.ts'
import type { Sql } from '../../postgres/pool.ts'
import { type ClientItem, toClientItem } from './schemas.ts'

/** A client as it is registered. @throws {AuthError} not_found */
export const getClient = async (deps: { postgres: Sql }, clientId: string): Promise<ClientItem> => {
  const client = await findClient(deps, clientId)
  if (!client) throw new AuthError('not_found')
  return toClientItem(client)
}
