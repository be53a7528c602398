import { refuseLocked } from '../accounts/refuse-locked.ts'
import { challengeRefused } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import type { Deps } from '../deps.ts'
import { accountTagOf } from '../encryption/opaque-token.ts'
import type { AttemptTaken } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'
import { attemptLimits, type Method } from '../policy/policy.ts'
import { shapeOf } from './methods.ts'

export type Answer = { challengeToken: string; method: Method; code: string }

export type TakenAttempt = Extract<AttemptTaken, { kind: 'taken' }>

type TakeDeps = Pick<Deps, 'postgres' | 'ephemeral' | 'policy'>

/**
 * Counts one attempt at a challenge, before the answer is looked at. A refusal is recorded with its reason.
 * @throws {AuthError} invalid_challenge, account_locked, invalid_request (a method or a length that is not
 *   offered, which spends no attempt)
 */
export const takeChallengeAttempt = async (
  deps: TakeDeps,
  origin: Origin,
  answer: Answer,
): Promise<TakenAttempt> => {
  const { challengeToken, method, code } = answer
  if (accountTagOf('challenge', challengeToken) === null) throw await unknownChallenge(deps, origin)
  const limits = attemptLimits(deps.policy.current())
  const shape = shapeOf(method, code)
  const taken = await deps.ephemeral.challenges.takeAttempt(
    challengeToken,
    shape,
    limits,
    origin.now.getTime(),
  )
  if (taken.kind === 'taken') return taken
  if (taken.kind === 'locked') {
    const { accountId, clientId } = taken
    const event = challengeRefused(origin, { accountId, clientId, reason: 'account_locked' })
    return refuseLocked(deps, event, { untilMs: taken.untilMs, now: origin.now })
  }
  if (taken.kind === 'method_not_offered') {
    const offered = taken.methods.some((one) => one.split(':')[0] === method)
    throw offered
      ? new AuthError('invalid_request', `The code must have ${digitsOf(taken.methods)} digits.`, {
          fields: ['code'],
        })
      : new AuthError('invalid_request', `This challenge does not offer ${method}.`, { fields: ['method'] })
  }
  throw await unknownChallenge(deps, origin)
}

const digitsOf = (shapes: readonly string[]): string =>
  shapes.flatMap((shape) => shape.split(':')[1] ?? []).join(' or ')

const unknownChallenge = async (deps: TakeDeps, origin: Origin): Promise<AuthError> => {
  await recordEvent(
    deps,
    challengeRefused(origin, { accountId: null, clientId: null, reason: 'unknown_challenge' }),
  )
  return new AuthError('invalid_challenge')
}
