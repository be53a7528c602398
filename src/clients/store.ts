// Clients in PostgreSQL.
import type { AuditEvent } from '../audit/event.ts'
import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'
import { violates } from '../postgres/sql-state.ts'
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
export const findClients = async (
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

/** @throws {AuthError} conflict, where the id is taken. */
export const insertClient = async (
  deps: { postgres: Sql },
  client: Client,
  event: AuditEvent,
): Promise<void> => {
  const values = [
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
  ]
  try {
    await deps.postgres.query(INSERT_CLIENT, values)
  } catch (error) {
    if (!violates(error, 'clients_pkey')) throw error
    throw new AuthError('conflict', 'The client id is taken.', { fields: ['client_id'] })
  }
}

// Conditional on the members that the rules span, so that of two changes at once none breaks a rule that
// each of them kept. The others are written where they were given, and only there.
const UPDATE_CLIENT = {
  name: 'update_client',
  text: `
    WITH updated AS (
      UPDATE clients
         SET name = COALESCE($4, name),
             first_party = COALESCE($5, first_party),
             token_endpoint_auth_method = COALESCE($6, token_endpoint_auth_method),
             secret_hash = CASE WHEN $6 = 'none' THEN NULL ELSE COALESCE($7, secret_hash) END,
             scopes = COALESCE($8, scopes),
             audience = COALESCE($9, audience),
             redirect_uris = COALESCE($10, redirect_uris)
       WHERE client_id = $1 AND token_endpoint_auth_method = $2 AND scopes = $3 AND first_party = $12
      RETURNING ${COLUMNS}
    )
    SELECT updated.*, record_audit_event($11::jsonb) FROM updated`,
}

/** Members to change; what is left out stays. */
export type ClientChange = Partial<Omit<Client, 'clientId' | 'createdAt'>>

/**
 * The client as changed.
 * @throws {AuthError} conflict, if it is gone, or no longer what `read` says.
 */
export const updateClient = async (
  deps: { postgres: Sql },
  read: Client,
  change: ClientChange,
  event: AuditEvent,
): Promise<Client> => {
  const [row] = await deps.postgres.query<ClientRow>(UPDATE_CLIENT, [
    read.clientId,
    read.tokenEndpointAuthMethod,
    read.scopes,
    change.name,
    change.firstParty,
    change.tokenEndpointAuthMethod,
    change.secretHash,
    change.scopes,
    change.audience,
    change.redirectUris,
    JSON.stringify(event),
    read.firstParty,
  ])
  if (!row) throw new AuthError('conflict', 'The client was changed meanwhile; read it again.')
  return toClient(row)
}

const DELETE_CLIENT = {
  name: 'delete_client',
  text: `
    WITH deleted AS (
      DELETE FROM clients
       WHERE client_id = $1
      RETURNING client_id
    )
    SELECT record_audit_event($2::jsonb) FROM deleted`,
}

/**
 * False if there is none.
 * @throws {AuthError} conflict, where accounts are its external subjects.
 */
export const removeClient = async (
  deps: { postgres: Sql },
  clientId: string,
  event: AuditEvent,
): Promise<boolean> => {
  try {
    return (await deps.postgres.query(DELETE_CLIENT, [clientId, JSON.stringify(event)])).length === 1
  } catch (error) {
    if (!violates(error, 'accounts_client_id_fkey')) throw error
    throw new AuthError(
      'conflict',
      'Accounts of this client (its external subjects) exist. Delete them first, or take its scopes away, which shuts it out at once.',
    )
  }
}
