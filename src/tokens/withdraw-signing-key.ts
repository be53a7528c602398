import { signingKeyWithdrawn } from '../audit/administration-events.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { announceChange } from '../ephemeral/announce-change.ts'
import { AuthError } from '../errors.ts'
import { deleteSigningKey } from './store.ts'

/**
 * Withdraws a signing key that is no longer trusted: from now on it is neither published nor accepted, and every token
 * that it has signed is refused. A gateway accepts them until it reads the JWKS again.
 * @throws {AuthError} not_found; conflict, for the key that signs: another has to take its place first
 */
export const withdrawSigningKey = async (
  deps: Pick<Deps, 'postgres' | 'signingKeys' | 'ephemeral' | 'log'>,
  origin: Origin,
  kid: string,
): Promise<void> => {
  const withdrawn = await deleteSigningKey(
    deps,
    { kid, now: origin.now },
    signingKeyWithdrawn(origin, { kid }),
  )
  if (withdrawn === 'unknown') throw new AuthError('not_found', 'There is no signing key of that kid.')
  if (withdrawn === 'signs')
    throw new AuthError('conflict', 'This key signs. Rotate first, with effect now; then withdraw it.')
  await deps.signingKeys.reload()
  await announceChange(deps, 'signing_keys')
}
