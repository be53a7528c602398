import { clientDeleted } from '../../audit/administration-events.ts'
import type { Origin } from '../../audit/event.ts'
import { BUILT_IN_CLIENT } from '../../clients/client.ts'
import { findClient, removeClient } from '../../clients/store.ts'
import type { Deps } from '../../deps.ts'
import { announceChange } from '../../ephemeral/announce-change.ts'
import { AuthError } from '../../errors.ts'
import { warnOfDrift } from './warn-of-drift.ts'

/**
 * Deletes a client: it can neither sign anyone in nor renew from then on.
 * @throws {AuthError} not_found, conflict (the built-in client, or one with external subjects)
 */
export const deleteClient = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clients' | 'log'>,
  origin: Origin,
  clientId: string,
): Promise<void> => {
  if (clientId === BUILT_IN_CLIENT)
    throw new AuthError('conflict', 'The built-in client cannot be deleted: administrators sign in with it.')
  const client = await findClient(deps, clientId)
  if (!(await removeClient(deps, clientId, clientDeleted(origin, { clientId }))))
    throw new AuthError('not_found')
  if (client) warnOfDrift(deps, client, ['client_id'])
  deps.clients.forgetAll()
  await announceChange(deps, 'clients')
}
