import { isDeepStrictEqual } from 'node:util'
import { clientChanged } from '../../audit/administration-events.ts'
import type { Origin } from '../../audit/event.ts'
import { BUILT_IN_CLIENT, type Client } from '../../clients/client.ts'
import { defaultGrantTypes, usesSecret } from '../../clients/members.ts'
import { type ClientChange, findClientToChange, updateClient } from '../../clients/store.ts'
import { hashToken, newClientSecret } from '../../encryption/opaque-token.ts'
import { announceChange } from '../../ephemeral/announce-change.ts'
import { AuthError } from '../../errors.ts'
import { prepareSigning } from '../../tokens/create-signing-key.ts'
import { signingOf } from '../../tokens/select-signing-keys.ts'
import { checkSector } from './check-sector.ts'
import type { ClientDeps } from './create-client.ts'
import { refuseUnfit } from './refuse-unfit.ts'
import { type ClientAndSecret, namesOf } from './schemas.ts'
import { warnOfDrift } from './warn-of-drift.ts'

const needsSecret = (client: Client, { tokenEndpointAuthMethod: method }: ClientChange): boolean =>
  client.secretHash === null && method !== undefined && usesSecret(method)

const changesSector = ({ sectorIdentifierUri, redirectUris }: ClientChange): boolean =>
  sectorIdentifierUri !== undefined || redirectUris !== undefined

/** A client whose grants are those that follow from its other members keeps it so. */
const grantsThatFollow = (client: Client, change: ClientChange): ClientChange =>
  isDeepStrictEqual(client.grantTypes, defaultGrantTypes(client))
    ? { grantTypes: defaultGrantTypes({ ...client, ...change }) }
    : {}

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
  change: ClientChange,
): Promise<ClientAndSecret> => {
  const read = await findClientToChange(deps, clientId)
  if (!read) throw new AuthError('not_found')
  const followed = { ...grantsThatFollow(read.client, change), ...change }
  const wanted: Client = { ...read.client, ...followed }
  refuseUnfit(wanted)
  refuseChangingBuiltIn(wanted)
  if (changesSector(change)) await checkSector(deps, wanted)
  await prepareSigning(deps, origin, signingOf(wanted))

  const secret = needsSecret(read.client, change) ? newClientSecret(deps.randomBytes) : null
  const event = clientChanged(origin, { clientId, changed: namesOf(change) })
  const stored = await updateClient(
    deps,
    read,
    { ...followed, ...(secret && { secretHash: hashToken(secret) }) },
    event,
  )
  warnOfDrift(deps, read.client, namesOf(change))
  deps.clients.forgetAll()
  await announceChange(deps, 'clients')
  return { client: stored, secret }
}
