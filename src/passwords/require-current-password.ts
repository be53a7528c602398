import type { AccountWithPassword } from '../accounts/account.ts'
import { passwordRefused } from '../audit/account-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { settlePasswordAttempt, takePasswordAttempt, tooManyAttempts } from './password-throttle.ts'
import { verifyStoredPassword } from './verify-stored-password.ts'

/** `field` is the member that the password came in. */
export type CurrentPassword = {
  /** As read before the password was checked; what is returned is as stored after that. */
  found: AccountWithPassword
  sessionId: string
  password: string
  field: 'current_password' | 'password'
}

/**
 * Asks a signed-in user for their password once more. Counted like a sign-in, so that a session that was left open is
 * no way to guess it.
 * @throws {AuthError} too_many_attempts, invalid_credentials, temporarily_unavailable
 */
export const requireCurrentPassword = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'policy' | 'passwords'>,
  origin: Origin,
  { found, sessionId, password, field }: CurrentPassword,
): Promise<AccountWithPassword> => {
  const accountId = found.account.id
  const { ip, now } = origin
  const attempt = await takePasswordAttempt(deps, { accountId, name: null, ip, now })
  if (!attempt.admitted && attempt.throttled) {
    const { reason } = attempt.throttled
    await recordEvent(deps, passwordRefused(origin, { accountId, sessionId, reason }))
    throw tooManyAttempts(attempt.throttled, now)
  }
  const stored = await settlePasswordAttempt(deps, attempt, verifyStoredPassword(deps, found, password))
  if (stored) return stored
  await recordEvent(deps, passwordRefused(origin, { accountId, sessionId, reason: 'wrong_password' }))
  throw new AuthError('invalid_credentials', 'The current password is wrong.', { fields: [field] })
}
