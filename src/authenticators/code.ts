// The codes people type. Pure: which shapes are codes, and which of them an account can answer with. Whether a code is
// right is decided elsewhere.
import { Type } from 'typebox'
import type { AccountWithFactors } from '../accounts/details.ts'
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

/** What an account can answer with. */
type Answerable = Pick<AccountWithFactors, 'totp' | 'recoveryCodesRemaining'>

/**
 * The answer shapes of a challenge, as its store keeps them: `totp:6`, `recovery_code`. A code of another
 * shape cannot be right, so it is refused without an attempt being spent.
 */
export const answerShapes = (
  admitted: readonly Method[],
  { totp, recoveryCodesRemaining }: Answerable,
): string[] => [
  ...new Set(admitted.includes('totp') ? totp.map(({ digits }) => `totp:${digits}`) : []),
  ...(admitted.includes('recovery_code') && recoveryCodesRemaining > 0 ? ['recovery_code'] : []),
]

/** The shape of an answer. */
export const shapeOf = (method: Method, code: string): string =>
  method === 'totp' ? `totp:${code.length}` : method

/** The method of an answer shape. */
export const methodOf = (shape: string): Method => (shape === 'recovery_code' ? shape : 'totp')

/** How many digits the TOTP codes among answer shapes have. */
export const digitsOf = (shapes: readonly string[]): string[] =>
  shapes.flatMap((shape) => shape.split(':')[1] ?? [])

/** How many digits the longest TOTP code among answer shapes has: what a page has room for. */
export const longestDigits = (shapes: readonly string[]): 6 | 8 => (shapes.includes('totp:8') ? 8 : 6)

/** The methods of answer shapes. */
export const offeredMethods = (shapes: readonly string[]): Method[] => [...new Set(shapes.map(methodOf))]
