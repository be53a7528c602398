import { clientChanged } from '../../audit/administration-events.ts'
import type { Origin } from '../../audit/event.ts'
import { BUILT_IN_CLIENT, type Client } from '../../clients/client.ts'
import { type ClientChange, findClient, updateClient } from '../../clients/store.ts'
import type { Deps } from '../../deps.ts'
import { hashToken, newClientSecret } from '../../encryption/opaque-token.ts'
import { announceChange } from '../../ephemeral/announce-change.ts'
import { AuthError } from '../../errors.ts'
import { type ClientPatch, type ClientWithSecret, refuseUnfit, toClientItem } from './schemas.ts'

type ClientDeps = Pick<Deps, 'postgres' | 'ephemeral' | 'clients' | 'log' | 'randomBytes'>

const toChange = (patch: ClientPatch): ClientChange => ({
  ...(patch.name !== undefined && { name: patch.name }),
  ...(patch.first_party !== undefined && { firstParty: patch.first_party }),
  ...(patch.token_endpoint_auth_method !== undefined && {
    tokenEndpointAuthMethod: patch.token_endpoint_auth_method,
  }),
  ...(patch.scopes !== undefined && { scopes: patch.scopes }),
  ...(patch.audience !== undefined && { audience: patch.audience }),
  ...(patch.redirect_uris !== undefined && { redirectUris: patch.redirect_uris }),
})

const becomesConfidential = (client: Client, { tokenEndpointAuthMethod: method }: ClientChange): boolean =>
  client.secretHash === null && method !== undefined && method !== 'none'

const refuseChangingBuiltIn = ({ clientId, firstParty, tokenEndpointAuthMethod }: Client): void => {
  if (clientId !== BUILT_IN_CLIENT || (firstParty && tokenEndpointAuthMethod === 'none')) return
  throw new AuthError('invalid_request', 'The built-in client stays public and first-party.', {
    fields: ['token_endpoint_auth_method', 'first_party'],
  })
}

/**
 * Changes members of a client. One that becomes confidential gets a secret, shown this once; one that
 * becomes public loses its own.
 * @throws {AuthError} not_found, invalid_request, conflict (changed by someone else meanwhile)
 */
export const changeClient = async (
  deps: ClientDeps,
  origin: Origin,
  clientId: string,
  patch: ClientPatch,
): Promise<ClientWithSecret> => {
  const read = await findClient(deps, clientId)
  if (!read) throw new AuthError('not_found')
  const change = toChange(patch)
  refuseUnfit({ ...read, ...change })
  refuseChangingBuiltIn({ ...read, ...change })

  const secret = becomesConfidential(read, change) ? newClientSecret(deps.randomBytes) : null
  const event = clientChanged(origin, { clientId, changed: Object.keys(patch) })
  const stored = await updateClient(
    deps,
    read,
    { ...change, ...(secret && { secretHash: hashToken(secret) }) },
    event,
  )
  deps.clients.forgetAll()
  await announceChange(deps, 'clients')
  return { ...toClientItem(stored), client_secret: secret }
}
