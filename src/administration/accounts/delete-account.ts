import { changingAccount } from '../../accounts/change-under-version.ts'
import { deleteAccountRow } from '../../accounts/changes-store.ts'
import { findAccount } from '../../accounts/store.ts'
import { accountDeleted } from '../../audit/account-events.ts'
import type { Origin } from '../../audit/event.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { endAccess } from '../../sessions/end-access.ts'

/**
 * Deletes an account with its factors, and ends its access at once; its audit events stay.
 * @throws {AuthError} not_found, access_denied (one's own), conflict (the last active administrator)
 */
export const deleteAccount = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clock' | 'clients' | 'notices'>,
  origin: Origin,
  accountId: string,
): Promise<void> => {
  if (origin.actor.id === accountId)
    throw new AuthError('access_denied', 'Administrators cannot delete themselves; ask another.')
  const deleted = await changingAccount(deps, accountId, (postgres) =>
    deleteAccountRow({ postgres }, accountId, accountDeleted(origin, { accountId })),
  )
  if (!deleted && (await findAccount(deps, accountId)))
    throw new AuthError('conflict', 'The last active administrator cannot be deleted.')
  // Also where the account is gone already, because ending may have failed when it was deleted.
  await endAccess(deps, origin, accountId, 'deleted')
  if (!deleted) throw new AuthError('not_found', 'There is no such account.')
}
