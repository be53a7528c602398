// Which client a request comes from (RFC 6749 2.3): HTTP Basic, or the members of a form or JSON body.
import { clientAuthenticationFailed } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import type { Client } from '../clients/client.ts'
import type { Clients } from '../clients/client-cache.ts'
import { equalInConstantTime, hashToken } from '../encryption/opaque-token.ts'
import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'

type Deps = { postgres: Sql; clients: Clients }

/** What a request says of its client. */
export type ClientCredentials = {
  clientId: string
  secret: string | null
  method: Client['tokenEndpointAuthMethod']
}

/** RFC 6749 2.3.1: both parts are form-encoded before they are joined. */
const formDecode = (part: string): string => {
  try {
    return decodeURIComponent(part.replaceAll('+', ' '))
  } catch {
    throw new AuthError('invalid_client')
  }
}

/** The credentials of `Authorization: Basic …`; null where there is no such header. */
export const basicCredentials = (authorization: string | undefined): ClientCredentials | null => {
  const [, encoded] = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(authorization ?? '') ?? []
  if (!encoded) return null
  const [, clientId = '', secret = ''] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? []
  return { clientId: formDecode(clientId), secret: formDecode(secret), method: 'client_secret_basic' }
}

const refusal = (client: Client | null, credentials: ClientCredentials): string | null => {
  if (!client) return 'unknown_client'
  if (client.secretHash === null) return credentials.secret ? 'public_client' : null
  if (credentials.secret === null) return 'no_secret'
  return equalInConstantTime(hashToken(credentials.secret), client.secretHash) ? null : 'wrong_secret'
}

/**
 * The client that `credentials` prove. A confidential client must show its secret; a public one has none.
 * @throws {AuthError} invalid_client, recorded with its reason.
 */
export const authenticateClient = async (
  deps: Deps,
  credentials: ClientCredentials,
  origin: Origin,
): Promise<Client> => {
  // PostgreSQL takes no NUL, and no client id has one.
  const client = credentials.clientId.includes('\0') ? null : await deps.clients.find(credentials.clientId)
  const reason = refusal(client, credentials)
  if (client && reason === null) return client
  await recordEvent(
    deps,
    clientAuthenticationFailed(origin, {
      clientId: client?.clientId ?? null,
      reason: reason ?? 'unknown_client',
    }),
  )
  throw new AuthError('invalid_client')
}
