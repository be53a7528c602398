// One code that is checked outside a challenge: to confirm an authenticator, to disable the second factor. It
// spends the same budget of the account as a challenge does, before anything is looked at (docs/security.md 5, 6).
import { refuseLocked } from '../accounts/refuse-locked.ts'
import { codeRefused } from '../audit/account-events.ts'
import type { AuditEvent, Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { attemptLimits } from '../policy/policy.ts'

export type CodeAttempt = {
  /** The session epoch at the time of the attempt. */
  sessionEpoch: number
  /** Ends the attempt as a wrong code. `record` makes the event durable, with what else the failure changes. */
  refuse: (reason: string, record?: (event: AuditEvent) => Promise<void>) => Promise<never>
}

/**
 * Counts an attempt, then runs `check`. Only `refuse` leaves it spent: where `check` ends otherwise, nothing
 * wrong was evaluated.
 * @throws {AuthError} account_locked, invalid_code, and what `check` throws
 */
export const takeCodeAttempt = async <T>(
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'policy'>,
  origin: Origin,
  about: { accountId: string; sessionId: string | null; purpose: string },
  check: (attempt: CodeAttempt) => Promise<T>,
): Promise<T> => {
  const { budgets } = deps.ephemeral
  const limits = attemptLimits(deps.policy.current())
  const taken = await budgets.take(about.accountId, limits, origin.now.getTime())
  if (taken.kind === 'locked') {
    const event = codeRefused(origin, { ...about, reason: 'account_locked' })
    return refuseLocked(deps, event, { untilMs: taken.untilMs, now: origin.now })
  }
  const { remaining, sessionEpoch } = taken
  const refuse: CodeAttempt['refuse'] = async (reason, record = (event) => recordEvent(deps, event)) => {
    await record(codeRefused(origin, { ...about, reason, attemptsRemaining: remaining }))
    throw new AuthError('invalid_code', undefined, {
      attempts_remaining: remaining,
      ...(remaining === 0 && { retry_after: limits.lockoutSeconds }),
    })
  }
  try {
    return await check({ sessionEpoch, refuse })
  } catch (error) {
    // Redis may be the one that is away. The attempt stays counted then, which is the safe side.
    if (!(error instanceof AuthError && error.code === 'invalid_code')) {
      await budgets.giveBack(about.accountId, limits).catch(() => {})
    }
    throw error
  }
}
