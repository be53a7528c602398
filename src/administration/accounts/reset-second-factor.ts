import { changingAccount } from '../../accounts/change-under-version.ts'
import { secondFactorReset } from '../../audit/account-events.ts'
import type { Origin } from '../../audit/event.ts'
import { recordEvent } from '../../audit/store.ts'
import { clearFactors } from '../../authenticators/enrolled-count-store.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { endAccess } from '../../sessions/end-access.ts'

/**
 * Removes an account's authenticators and recovery codes, for a user who has lost them: it enrolls anew at its
 * next sign-in. Ends its sessions and challenges, and any lock.
 * @throws {AuthError} not_found; access_denied, for an administrator's own: it would be removed without being asked for
 */
export const resetSecondFactor = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clock' | 'clients' | 'notices'>,
  origin: Origin,
  accountId: string,
): Promise<void> => {
  if (origin.actor.id === accountId) {
    throw new AuthError(
      'access_denied',
      'Administrators cannot reset their own second factor; ask another, or use the command line.',
    )
  }
  await changingAccount(deps, accountId, ({ transaction }) =>
    transaction(async (postgres) => {
      const cleared = await clearFactors({ postgres }, accountId, 'enrolled_and_begun')
      if (!cleared) throw new AuthError('not_found', 'There is no such account.')
      await recordEvent({ postgres }, secondFactorReset(origin, { accountId }))
    }),
  )
  await endAccess(deps, origin, accountId, 'second_factor_reset')
  await deps.ephemeral.budgets.clear(accountId)
}
