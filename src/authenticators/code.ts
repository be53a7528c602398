// The codes people type. Pure: which shapes are codes at all; whether one is right is matched elsewhere.
import { Type } from 'typebox'
import { AuthError } from '../errors.ts'
import type { Method } from '../policy/policy.ts'
import { RECOVERY_CODE_PATTERN } from './recovery-codes/recovery-code.ts'

/** Six or eight digits, or a recovery code; which of them a method takes is checked with the method. */
export const Code = Type.String({
  maxLength: 19,
  pattern: `^[0-9]{6}$|^[0-9]{8}$|${RECOVERY_CODE_PATTERN}`,
  examples: ['492039', 'KX3F-9Q2M-0TZB-7HRW'],
})

const DIGITS = /^[0-9]{6}$|^[0-9]{8}$/

/**
 * A code that cannot be of its method is malformed, and spends no attempt.
 * @throws {AuthError} invalid_request
 */
export const refuseMisshapen = (method: Method, code: string): void => {
  if (method === 'totp' && !DIGITS.test(code)) {
    throw new AuthError('invalid_request', 'A TOTP code is 6 or 8 digits.', { fields: ['code'] })
  }
  if (method === 'recovery_code' && DIGITS.test(code)) {
    throw new AuthError('invalid_request', 'A recovery code is four groups of four letters and digits.', {
      fields: ['code'],
    })
  }
}

/** RFC 8176: a code of either kind is a one-time password, and with the first factor makes two. */
export const CODE_FACTOR: { amr: string[]; acr: 'aal2' } = { amr: ['otp', 'mfa'], acr: 'aal2' }
