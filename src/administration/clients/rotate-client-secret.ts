import { clientChanged } from '../../audit/administration-events.ts'
import type { Origin } from '../../audit/event.ts'
import { findClient, updateClient } from '../../clients/store.ts'
import type { Deps } from '../../deps.ts'
import { hashToken, newClientSecret } from '../../encryption/opaque-token.ts'
import { announceChange } from '../../ephemeral/announce-change.ts'
import { AuthError } from '../../errors.ts'
import type { ClientAndSecret } from './schemas.ts'

/**
 * Gives a client a new secret; the old one is refused from then on.
 * @throws {AuthError} not_found, invalid_request (a public client has none), conflict
 */
export const rotateClientSecret = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clients' | 'log' | 'randomBytes'>,
  origin: Origin,
  clientId: string,
): Promise<ClientAndSecret> => {
  const read = await findClient(deps, clientId)
  if (!read) throw new AuthError('not_found')
  if (read.secretHash === null) throw new AuthError('invalid_request', 'A public client has no secret.')

  const secret = newClientSecret(deps.randomBytes)
  const event = clientChanged(origin, { clientId, changed: ['client_secret'] })
  const stored = await updateClient(deps, read, { secretHash: hashToken(secret) }, event)
  deps.clients.forgetAll()
  await announceChange(deps, 'clients')
  return { client: stored, secret }
}
