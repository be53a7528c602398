// Clients in PostgreSQL.
import type { AuditEvent } from '../audit/event.ts'
import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'
import { violates } from '../postgres/sql-state.ts'
import type { Client } from './client.ts'
import { type AuthMethod, type ClientMembers, DEFAULT_MEMBERS, type GrantType } from './members.ts'

const COLUMNS = `client_id, name, first_party, token_endpoint_auth_method, secret_hash, grant_types, scopes, audience,
  redirect_uris, web_origins, members, declared, disabled, created_at`

type ClientRow = {
  client_id: string
  name: string
  first_party: boolean
  token_endpoint_auth_method: AuthMethod
  secret_hash: string | null
  grant_types: GrantType[]
  scopes: string[]
  audience: string[]
  redirect_uris: string[]
  web_origins: string[]
  members: Partial<ClientMembers>
  declared: string | null
  disabled: boolean
  created_at: Date
}

const toClient = (row: ClientRow): Client => ({
  ...DEFAULT_MEMBERS,
  ...row.members,
  clientId: row.client_id,
  name: row.name,
  firstParty: row.first_party,
  tokenEndpointAuthMethod: row.token_endpoint_auth_method,
  secretHash: row.secret_hash,
  grantTypes: row.grant_types,
  scopes: row.scopes,
  audience: row.audience,
  redirectUris: row.redirect_uris,
  webOrigins: row.web_origins,
  declared: row.declared,
  disabled: row.disabled,
  createdAt: row.created_at,
})

/** What is stored in `members`: of a client or a change, what has no column of its own. */
const membersOf = (given: Partial<ClientMembers>): Partial<ClientMembers> =>
  Object.fromEntries(Object.entries(given).filter(([name]) => name in DEFAULT_MEMBERS))

const FIND_CLIENT = {
  name: 'find_client',
  text: `SELECT ${COLUMNS} FROM clients WHERE client_id = $1`,
}

export const findClient = async (deps: { postgres: Sql }, clientId: string): Promise<Client | null> => {
  const [row] = await deps.postgres.query<ClientRow>(FIND_CLIENT, [clientId])
  return row ? toClient(row) : null
}

const FIND_CLIENT_TO_CHANGE = {
  name: 'find_client_to_change',
  text: `SELECT version, ${COLUMNS} FROM clients WHERE client_id = $1`,
}

/** The client with its version, for `updateClient`. */
export const findClientToChange = async (
  deps: { postgres: Sql },
  clientId: string,
): Promise<ReadClient | null> => {
  const [row] = await deps.postgres.query<ClientRow & { version: string }>(FIND_CLIENT_TO_CHANGE, [clientId])
  return row ? { client: toClient(row), version: row.version } : null
}

const FIND_WEB_ORIGINS = {
  name: 'find_web_origins',
  text: `
    SELECT DISTINCT unnest(web_origins) AS origin
      FROM clients
     WHERE NOT disabled`,
}

/** The origins that any client is registered with. */
export const findWebOrigins = async (deps: { postgres: Sql }): Promise<string[]> => {
  const rows = await deps.postgres.query<{ origin: string }>(FIND_WEB_ORIGINS)
  return rows.map(({ origin }) => origin)
}

const LOCK_DECLARATIONS = {
  name: 'lock_declarations',
  text: 'SELECT pg_advisory_xact_lock(7305612490120)',
}
const LOCK_FOR_DECLARATIONS = {
  name: 'lock_for_declarations',
  text: `
    SELECT version, ${COLUMNS}
      FROM clients
     WHERE client_id = ANY ($1) OR declared IS NOT NULL
     ORDER BY client_id
       FOR NO KEY UPDATE`,
}

/** Of `clientIds` those that there are, and all that are or were declared; nobody changes them until the commit. */
export const lockForDeclarations = async (
  deps: { postgres: Sql },
  clientIds: readonly string[],
): Promise<ReadClient[]> => {
  await deps.postgres.query(LOCK_DECLARATIONS)
  const rows = await deps.postgres.query<ClientRow & { version: string }>(LOCK_FOR_DECLARATIONS, [clientIds])
  return rows.map((row) => ({ client: toClient(row), version: row.version }))
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
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
      RETURNING client_id
    )
    SELECT record_audit_event($15::jsonb) FROM inserted`,
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
    client.grantTypes,
    client.scopes,
    client.audience,
    client.redirectUris,
    client.webOrigins,
    JSON.stringify(membersOf(client)),
    client.declared,
    client.disabled,
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

// Conditional on the version, so that of two changes at once none breaks a rule across members that each of them
// kept. Members are written where they were given, and only there.
const UPDATE_CLIENT = {
  name: 'update_client',
  text: `
    WITH updated AS (
      UPDATE clients
         SET version = version + 1,
             name = COALESCE($3, name),
             first_party = COALESCE($4, first_party),
             token_endpoint_auth_method = COALESCE($5, token_endpoint_auth_method),
             secret_hash = CASE WHEN $5 IN ('none', 'private_key_jwt') THEN NULL
                                ELSE COALESCE($6, secret_hash) END,
             grant_types = COALESCE($7, grant_types),
             scopes = COALESCE($8, scopes),
             audience = COALESCE($9, audience),
             redirect_uris = COALESCE($10, redirect_uris),
             web_origins = COALESCE($11, web_origins),
             members = members || $12::jsonb,
             declared = CASE WHEN $13 THEN $14 ELSE declared END,
             disabled = COALESCE($15, disabled)
       WHERE client_id = $1 AND version = $2
      RETURNING ${COLUMNS}
    )
    SELECT updated.*, record_audit_event($16::jsonb) FROM updated`,
}

/** Members to change; what is left out stays. */
export type ClientChange = Partial<Omit<Client, 'clientId' | 'createdAt'>>

/** A client, and the version that a change is conditional on. */
export type ReadClient = { client: Client; version: string }

/**
 * The client as changed.
 * @throws {AuthError} conflict, if it is gone, or no longer what was read.
 */
export const updateClient = async (
  deps: { postgres: Sql },
  { client: { clientId }, version }: ReadClient,
  change: ClientChange,
  event: AuditEvent,
): Promise<Client> => {
  const [row] = await deps.postgres.query<ClientRow>(UPDATE_CLIENT, [
    clientId,
    version,
    change.name,
    change.firstParty,
    change.tokenEndpointAuthMethod,
    change.secretHash,
    change.grantTypes,
    change.scopes,
    change.audience,
    change.redirectUris,
    change.webOrigins,
    JSON.stringify(membersOf(change)),
    change.declared !== undefined,
    change.declared,
    change.disabled,
    JSON.stringify(event),
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
