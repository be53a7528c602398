import { clientCreated } from '../../audit/administration-events.ts'
import type { Origin } from '../../audit/event.ts'
import { type Client, defaultScopes } from '../../clients/client.ts'
import { insertClient } from '../../clients/store.ts'
import type { Deps } from '../../deps.ts'
import { hashToken, newClientSecret } from '../../encryption/opaque-token.ts'
import type { RandomBytes } from '../../encryption/sealer.ts'
import { announceChange } from '../../ephemeral/announce-change.ts'
import { type ClientWithSecret, type NewClient, refuseUnfit, toClientItem } from './schemas.ts'

const MAX_READABLE = 32
const UNIQUE_BYTES = 5

/** A readable part from the name, and a random one: `web-shop-4f2a9c1b07`. */
const newClientId = (name: string, randomBytes: RandomBytes): string => {
  const readable = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_READABLE)
    .replaceAll(/^-|-$/g, '')
  return `${readable || 'client'}-${randomBytes(UNIQUE_BYTES).toString('hex')}`
}

/**
 * Registers a client. Its secret is in the answer and nowhere else; a public one has none.
 * @throws {AuthError} invalid_request, conflict (the chosen id is taken)
 */
export const createClient = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clients' | 'log' | 'randomBytes'>,
  origin: Origin,
  wanted: NewClient,
): Promise<ClientWithSecret> => {
  const tokenEndpointAuthMethod = wanted.token_endpoint_auth_method ?? 'client_secret_basic'
  const secret = tokenEndpointAuthMethod === 'none' ? null : newClientSecret(deps.randomBytes)
  const client: Client = {
    clientId: wanted.client_id ?? newClientId(wanted.name, deps.randomBytes),
    name: wanted.name,
    firstParty: wanted.first_party ?? false,
    tokenEndpointAuthMethod,
    secretHash: secret === null ? null : hashToken(secret),
    scopes: wanted.scopes ?? defaultScopes({ firstParty: wanted.first_party ?? false }),
    audience: wanted.audience ?? [],
    redirectUris: wanted.redirect_uris ?? [],
    createdAt: origin.now,
  }
  refuseUnfit(client)
  await insertClient(deps, client, clientCreated(origin, client))
  deps.clients.forgetAll()
  await announceChange(deps, 'clients')
  return { ...toClientItem(client), client_secret: secret }
}
