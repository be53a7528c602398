// Which methods a challenge offers. Pure: what the policy admits and the account can answer with.
import type { Answerable } from '../authenticators/store.ts'
import type { Method } from '../policy/policy.ts'

/**
 * The answer shapes of a challenge, as its store keeps them: `totp:6`, `recovery_code`. A code of another
 * shape cannot be right, so it is refused without an attempt being spent.
 */
export const answerShapes = (
  admitted: readonly Method[],
  { totpDigits, recoveryCodes }: Answerable,
): string[] => [
  ...(admitted.includes('totp') ? totpDigits.map((digits) => `totp:${digits}`) : []),
  ...(admitted.includes('recovery_code') && recoveryCodes > 0 ? ['recovery_code'] : []),
]

/** The methods of answer shapes, in the form API.md gives them. */
export const offeredMethods = (shapes: readonly string[]): { method: Method }[] => {
  const methods = new Set(shapes.map((shape) => shape.split(':')[0] as Method))
  return [...methods].map((method) => ({ method }))
}

/** The shape of an answer. */
export const shapeOf = (method: Method, code: string): string =>
  method === 'totp' ? `totp:${code.length}` : method
