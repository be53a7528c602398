// A client as it is registered with what is named of it: the rest has its defaults. Pure.
import { type Client, defaultScopes } from '../../clients/client.ts'
import { DEFAULT_MEMBERS, defaultGrantTypes } from '../../clients/members.ts'
import { hashToken } from '../../encryption/opaque-token.ts'
import { toWireMembers } from './member-schemas.ts'
import type { WantedClient } from './schemas.ts'

type Registration = Pick<Client, 'clientId' | 'secretHash' | 'createdAt' | 'declared'>

/** The method of a client that names none. */
export const authMethodOf = ({
  tokenEndpointAuthMethod = 'client_secret_basic',
}: WantedClient): Client['tokenEndpointAuthMethod'] => tokenEndpointAuthMethod

export const registeredClient = (wanted: WantedClient, registration: Registration): Client => {
  const { firstParty = false, redirectUris = [] } = wanted
  const tokenEndpointAuthMethod = authMethodOf(wanted)
  return {
    ...DEFAULT_MEMBERS,
    grantTypes: defaultGrantTypes({ tokenEndpointAuthMethod, redirectUris }),
    scopes: defaultScopes({ firstParty }),
    audience: [],
    webOrigins: [],
    disabled: false,
    ...wanted,
    redirectUris,
    firstParty,
    tokenEndpointAuthMethod,
    ...registration,
  }
}

/** The same text for equal values, whatever the order of their members: PostgreSQL keeps another one. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  )

/** Equal for two clients that have the same members and the same secret. */
export const fingerprintOf = (client: Client): string =>
  hashToken(canonical([toWireMembers(client), client.secretHash]))
