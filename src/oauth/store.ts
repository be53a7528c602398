// Clients in PostgreSQL.
import type { AuditEvent } from '../audit/event.ts'
import type { Sql } from '../postgres.ts'
import type { Client } from './client.ts'

const COLUMNS = `client_id, name, first_party, token_endpoint_auth_method, secret_hash, scopes, audience,
  redirect_uris, created_at`

type ClientRow = {
  client_id: string
  name: string
  first_party: boolean
  token_endpoint_auth_method: Client['tokenEndpointAuthMethod']
  secret_hash: string | null
  scopes: string[]
  audience: string[]
  redirect_uris: string[]
  created_at: Date
}

const toClient = (row: ClientRow): Client => ({
  clientId: row.client_id,
  name: row.name,
  firstParty: row.first_party,
  tokenEndpointAuthMethod: row.token_endpoint_auth_method,
  secretHash: row.secret_hash,
  scopes: row.scopes,
  audience: row.audience,
  redirectUris: row.redirect_uris,
  createdAt: row.created_at,
})

const FIND_CLIENT = {
  name: 'find_client',
  text: `SELECT ${COLUMNS} FROM clients WHERE client_id = $1`,
}

export const findClient = async (deps: { postgres: Sql }, clientId: string): Promise<Client | null> => {
  const [row] = await deps.postgres.query<ClientRow>(FIND_CLIENT, [clientId])
  return row ? toClient(row) : null
}

const LIST_CLIENTS = {
  name: 'list_clients',
  text: `
    SELECT ${COLUMNS}
      FROM clients
     WHERE client_id > $1
     ORDER BY client_id
     LIMIT $2`,
}

/** Clients in order of id, from after `afterClientId`. */
export const listClients = async (
  deps: { postgres: Sql },
  page: { afterClientId: string; limit: number },
): Promise<Client[]> => {
  const rows = await deps.postgres.query<ClientRow>(LIST_CLIENTS, [page.afterClientId, page.limit])
  return rows.map(toClient)
}

const INSERT_CLIENT = {
  name: 'insert_client',
  text: `
    WITH inserted AS (
      INSERT INTO clients (${COLUMNS})
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      RETURNING client_id
    )
    SELECT record_audit_event($10::jsonb) FROM inserted`,
}

export const insertClient = async (
  deps: { postgres: Sql },
  client: Client,
  event: AuditEvent,
): Promise<void> => {
  await deps.postgres.query(INSERT_CLIENT, [
    client.clientId,
    client.name,
    client.firstParty,
    client.tokenEndpointAuthMethod,
    client.secretHash,
    client.scopes,
    client.audience,
    client.redirectUris,
    client.createdAt,
    JSON.stringify(event),
  ])
}
