// A locked account is locked on every grant and route (docs/security.md 8). All of them refuse in the same way: the
// refusal is recorded, and says until when the account is locked.
import type { AuditEvent } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { AccountState, AttemptBudgets } from '../ephemeral/ephemeral.ts'
import { AuthError, secondsUntil } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'

/** Records `event` and refuses. `untilMs` in epoch milliseconds. @throws {AuthError} account_locked, always */
export const refuseLocked = async (
  deps: { postgres: Sql },
  event: AuditEvent,
  lock: { untilMs: number; now: Date },
): Promise<never> => {
  await recordEvent(deps, event)
  throw new AuthError('account_locked', undefined, { retry_after: secondsUntil(lock.untilMs, lock.now) })
}

/**
 * The state of an account that is not locked. Where it is locked, records `event` and refuses.
 * @throws {AuthError} account_locked
 */
export const requireUnlocked = async (
  deps: { postgres: Sql; ephemeral: { budgets: AttemptBudgets } },
  event: AuditEvent,
  { accountId, now }: { accountId: string; now: Date },
): Promise<AccountState> => {
  const state = await deps.ephemeral.budgets.read(accountId, now.getTime())
  if (state.lockedUntilMs !== null) return refuseLocked(deps, event, { untilMs: state.lockedUntilMs, now })
  return state
}
