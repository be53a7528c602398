// Which client a request comes from (RFC 6749 2.3): HTTP Basic, or the members of a form or JSON body.
import { clientAuthenticationFailed } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import { type Client, isPublic } from '../clients/client.ts'
import type { Clients } from '../clients/client-cache.ts'
import { isHashOf } from '../encryption/opaque-token.ts'
import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'
import { guardWith } from './guard.ts'

type Deps = { postgres: Sql; clients: Clients }

/** What a request says of its client. */
export type ClientCredentials = { clientId: string; secret: string | null }

/** RFC 6749 2.3.1: both parts are form-encoded before they are joined. */
const formDecode = (part: string | undefined): string | null => {
  if (part === undefined) return null
  if (!/[+%]/.test(part)) return part
  try {
    return decodeURIComponent(part.replaceAll('+', ' '))
  } catch {
    return null
  }
}

/** Null where `authorization` is not HTTP Basic as RFC 7617 writes it. */
const parseBasic = (authorization: string): ClientCredentials | null => {
  const [, encoded = ''] = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization) ?? []
  const [, id, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? []
  const clientId = formDecode(id)
  const secret = formDecode(password)
  return clientId && secret !== null ? { clientId, secret } : null
}

/**
 * The credentials of a request's `Authorization` header. A header that cannot be read is refused; it is never treated
 * like no header.
 * @throws {AuthError} invalid_client, recorded
 */
export const presentedCredentials = async (
  deps: Pick<Deps, 'postgres'>,
  origin: Origin,
  authorization: string,
): Promise<ClientCredentials> => {
  const credentials = parseBasic(authorization)
  if (credentials) return credentials
  const about = { clientId: null, reason: 'malformed_credentials' }
  await recordEvent(deps, clientAuthenticationFailed(origin, about))
  throw new AuthError('invalid_client')
}

const refusal = (client: Client | null, credentials: ClientCredentials): string | null => {
  if (!client) return 'unknown_client'
  if (isPublic(client)) return credentials.secret ? 'public_client' : null
  // A client that authenticates by its own key has no secret, and is not public for that.
  if (client.secretHash === null) return 'not_by_secret'
  if (credentials.secret === null) return 'no_secret'
  return isHashOf(client.secretHash, credentials.secret) ? null : 'wrong_secret'
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
  // PostgreSQL accepts no NUL, and no client id has one.
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

/**
 * The guard of routes where a client says who it is by HTTP Basic or in the body, or is not asked. Whom the header
 * names is authenticated before the body is looked at; null where there is no header.
 */
export const { guard: guardClient, callerOf: presentedClientOf } = guardWith<Client | null>(
  'presentedClient',
  async (deps, request, { authorization }) => {
    if (authorization === undefined) return null
    return authenticateClient(deps, await presentedCredentials(deps, request, authorization), request)
  },
)
