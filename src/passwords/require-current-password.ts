import { passwordRefused } from '../audit/account-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { takePasswordAttempt } from './password-throttle.ts'
import { verifyAttempt } from './verify-password.ts'

/** `field` is the member that the password came in. */
export type CurrentPassword = {
  accountId: string
  sessionId: string
  hash: string
  password: string
  field: 'current_password' | 'password'
}

/**
 * Asks who is signed in for their password once more. Counted like a sign-in: a session left open must not be
 * a way to guess it.
 * @throws {AuthError} too_many_attempts, invalid_credentials, temporarily_unavailable
 */
export const requireCurrentPassword = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'policy' | 'passwords'>,
  origin: Origin,
  { accountId, sessionId, hash, password, field }: CurrentPassword,
): Promise<void> => {
  const throttle = await takePasswordAttempt(deps, { account: accountId, ip: origin.ip, now: origin.now })
  if (throttle.kind === 'refused') {
    await recordEvent(deps, passwordRefused(origin, { accountId, sessionId, reason: throttle.reason }))
    throw new AuthError('too_many_attempts', undefined, { retry_after: throttle.retryAfterSeconds })
  }
  const { ok } = await verifyAttempt(deps.passwords, throttle, hash, password)
  if (ok) return
  await recordEvent(deps, passwordRefused(origin, { accountId, sessionId, reason: 'wrong_password' }))
  throw new AuthError('invalid_credentials', 'The current password is wrong.', { fields: [field] })
}
