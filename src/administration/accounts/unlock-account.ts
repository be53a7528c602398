import { findAccount } from '../../accounts/store.ts'
import { accountUnlocked } from '../../audit/account-events.ts'
import type { Origin } from '../../audit/event.ts'
import { recordEvent } from '../../audit/store.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { forgetPasswordFailures } from '../../passwords/password-throttle.ts'

/**
 * Lets a locked account try again: clears its failed codes and failed passwords.
 * Decision: an authenticator that 100 failures have disabled stays disabled. So many wrong codes are an attack
 * and not a slip, and `resetSecondFactor` is the way back.
 * @throws {AuthError} not_found; access_denied, for an administrator's own
 */
export const unlockAccount = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral'>,
  origin: Origin,
  accountId: string,
): Promise<void> => {
  if (origin.actor.id === accountId) {
    throw new AuthError('access_denied', 'Administrators cannot unlock themselves; ask another, or wait.')
  }
  const account = await findAccount(deps, accountId)
  if (!account) throw new AuthError('not_found', 'There is no such account.')
  // Recorded first: before there are new attempts, it is durable who gave them.
  await recordEvent(deps, accountUnlocked(origin, { accountId }))
  await deps.ephemeral.budgets.clear(accountId)
  await forgetPasswordFailures(deps, account)
}
