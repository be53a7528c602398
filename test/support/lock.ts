import type { TestApp } from './app.ts'

/** Spends the account's second-factor budget: it is locked from then on, for the policy's `lockout`. */
export const lockAccount = async ({ deps, now }: TestApp, accountId: string): Promise<void> => {
  const { max_failed_attempts: maxFailedAttempts, lockout: lockoutSeconds } = deps.policy.current()
  for (let attempt = 0; attempt < maxFailedAttempts; attempt += 1)
    await deps.ephemeral.budgets.take(accountId, { maxFailedAttempts, lockoutSeconds }, now().getTime())
}
