import { clientChanged } from '../../audit/administration-events.ts'
import type { Origin } from '../../audit/event.ts'
import { findClientToChange, updateClient } from '../../clients/store.ts'
import type { Deps } from '../../deps.ts'
import { hashToken, newClientSecret } from '../../encryption/opaque-token.ts'
import { announceChange } from '../../ephemeral/announce-change.ts'
import { AuthError } from '../../errors.ts'
import type { ClientAndSecret } from './schemas.ts'
import { warnOfDrift } from './warn-of-drift.ts'

/**
 * Gives a client a new secret; the old one is refused from then on.
 * @throws {AuthError} not_found, invalid_request (a public client has none), conflict
 */
export const rotateClientSecret = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clients' | 'log' | 'randomBytes'>,
  origin: Origin,
  clientId: string,
): Promise<ClientAndSecret> => {
  const read = await findClientToChange(deps, clientId)
  if (!read) throw new AuthError('not_found')
  if (read.client.secretHash === null) {
    throw new AuthError(
      'invalid_request',
      'This client has no secret: it is public, or authenticates by its own key.',
    )
  }

  const secret = newClientSecret(deps.randomBytes)
  const event = clientChanged(origin, { clientId, changed: ['client_secret'] })
  const stored = await updateClient(deps, read, { secretHash: hashToken(secret) }, event)
  warnOfDrift(deps, read.client, ['client_secret'])
  deps.clients.forgetAll()
  await announceChange(deps, 'clients')
  return { client: stored, secret }
}
