import { clientCreated } from '../../audit/administration-events.ts'
import type { Origin } from '../../audit/event.ts'
import { usesSecret } from '../../clients/members.ts'
import { insertClient } from '../../clients/store.ts'
import type { Deps } from '../../deps.ts'
import { hashToken, newClientSecret } from '../../encryption/opaque-token.ts'
import type { RandomBytes } from '../../encryption/sealer.ts'
import { announceChange } from '../../ephemeral/announce-change.ts'
import { prepareSigning } from '../../tokens/create-signing-key.ts'
import { signingOf } from '../../tokens/select-signing-keys.ts'
import { checkSector } from './check-sector.ts'
import { refuseUnfit } from './refuse-unfit.ts'
import { authMethodOf, registeredClient } from './registered-client.ts'
import type { ClientAndSecret, WantedClient } from './schemas.ts'

const MAX_READABLE = 32
const UNIQUE_BYTES = 5

/** What registering and changing a client takes. */
export type ClientDeps = Pick<
  Deps,
  'postgres' | 'ephemeral' | 'clients' | 'log' | 'randomBytes' | 'sealer' | 'signingKeys' | 'outbound'
>

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
  deps: ClientDeps,
  origin: Origin,
  wanted: WantedClient,
): Promise<ClientAndSecret> => {
  const secret = usesSecret(authMethodOf(wanted)) ? newClientSecret(deps.randomBytes) : null
  const client = registeredClient(wanted, {
    clientId: wanted.clientId ?? newClientId(wanted.name, deps.randomBytes),
    secretHash: secret === null ? null : hashToken(secret),
    createdAt: origin.now,
    declared: null,
  })
  refuseUnfit(client)
  await checkSector(deps, client)
  await prepareSigning(deps, origin, signingOf(client))
  await insertClient(deps, client, clientCreated(origin, client))
  deps.clients.forgetAll()
  await announceChange(deps, 'clients')
  return { client, secret }
}
