// An account changes its own password. The current one is asked for.
import { passwordChanged } from '../audit/account-events.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { endOtherAccess, notifyingOfOthers } from '../sessions/end-other-access.ts'
import type { OtherSessions } from '../sessions/schemas.ts'
import { isLongPassword } from './check-password.ts'
import { requireAcceptablePassword } from './require-acceptable-password.ts'
import { requireCurrentPassword } from './require-current-password.ts'
import { findAccountWithPassword, storePassword } from './store.ts'

/** `sid` is the session that asks. */
export type PasswordChange = {
  accountId: string
  sid: string
  currentPassword: string
  newPassword: string
  others: OtherSessions
}

type ChangeDeps = Pick<
  Deps,
  'config' | 'postgres' | 'ephemeral' | 'policy' | 'passwords' | 'clients' | 'notices'
>

/**
 * Changes an account's password. Ends its pending challenges, and its other sessions unless they are to be kept.
 * The caller has checked that the session's second factor is fresh enough and that the account is not locked.
 * @throws {AuthError} weak_password (`new_password`), invalid_credentials, too_many_attempts, not_found (the account
 *   has no password here), conflict (changed meanwhile), temporarily_unavailable
 */
export const changePassword = async (
  deps: ChangeDeps,
  origin: Origin,
  change: PasswordChange,
): Promise<void> => {
  const { accountId, sid, currentPassword, newPassword, others } = change
  const { now } = origin
  const found = await findAccountWithPassword(deps, accountId)
  if (!found?.passwordHash) throw new AuthError('not_found', 'This account has no password here.')
  // Before the current one is checked: a new password that is refused in any case spends no attempt.
  await requireAcceptablePassword(deps, found.account, newPassword, 'new_password')
  const { passwordHash: previous } = await requireCurrentPassword(deps, origin, {
    found,
    sessionId: sid,
    password: currentPassword,
    field: 'current_password',
  })

  const next = await deps.passwords.hash(newPassword)
  const isLong = isLongPassword(newPassword)
  const changed = { acceptedFor: found.account, previous, next, isLong, now }
  const event = passwordChanged(origin, { accountId, sessionId: sid })
  const about = { accountId, keptSessionId: sid, others }
  await notifyingOfOthers(deps, origin, about, () =>
    deps.postgres.transaction(async (postgres) => {
      const stored = await storePassword({ postgres }, changed, event)
      if (!stored) throw new AuthError('conflict', 'The account was changed meanwhile; begin again.')
      return { ended: await endOtherAccess({ ...deps, postgres }, origin, about, 'password_changed') }
    }),
  )
}
