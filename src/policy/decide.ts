// The one gate. Pure: decides, from the policy and from what has been proven, whether there may be a session or a token.
// Every path that mints one asks here first; challenges are attempted elsewhere.
import { isWithin } from './age.ts'
import type { Method, Policy } from './policy.ts'

/** The parts of an account that a decision looks at. */
export type DecisionAccount = {
  status: 'active' | 'disabled'
  roles: readonly string[]
  /** Confirmed and not removed; one disabled after too many failures still counts. */
  enrolledAuthenticators: number
  createdAt: Date
}

/** What has been proven so far. `secondFactorAt` in epoch seconds, null where none has passed. */
export type Proven = { secondFactorAt: number | null }

/** Why; machine-readable, shown to callers and kept in the audit event. */
export type Reason =
  | 'policy_disabled'
  | 'account_disabled'
  | 'role_requires_second_factor'
  | 'everyone_requires_second_factor'
  | 'second_factor_enrolled'
  | 'second_factor_fresh'
  | 'second_factor_stale'
  | 'second_factor_not_required'
  | 'enrollment_grace'

/** `methods` are those that the policy admits; the account need not have them all. */
export type Decision =
  | { kind: 'allow'; reasons: Reason[] }
  | { kind: 'challenge'; methods: Method[]; reasons: Reason[] }
  | { kind: 'enroll'; methods: 'totp'[]; reasons: Reason[] }
  | { kind: 'deny'; reasons: Reason[] }

const DAY_SECONDS = 86_400

/** The rules that make an account have a second factor; empty where none does. */
export const requirementReasons = (policy: Policy, account: Pick<DecisionAccount, 'roles'>): Reason[] => {
  if (!policy.enabled) return []
  const reasons: Reason[] = []
  if (policy.required_for_all) reasons.push('everyone_requires_second_factor')
  if (account.roles.some((role) => policy.required_roles.includes(role)))
    reasons.push('role_requires_second_factor')
  return reasons
}

const freshness = (policy: Policy, proven: Proven, now: Date): Reason | null => {
  if (proven.secondFactorAt === null) return null
  const fresh = isWithin(policy.second_factor_max_age, proven.secondFactorAt, now)
  return fresh ? 'second_factor_fresh' : 'second_factor_stale'
}

const inGrace = (policy: Policy, account: DecisionAccount, now: Date): boolean =>
  isWithin(policy.enrollment_grace_days * DAY_SECONDS, account.createdAt.getTime() / 1000, now)

/**
 * Decides. While the policy is enabled, an account that has a second factor is always asked for it, whether or not a
 * rule requires one: whoever enrolled wants to be protected.
 */
export const decide = (policy: Policy, account: DecisionAccount, proven: Proven, now: Date): Decision => {
  if (account.status === 'disabled') return { kind: 'deny', reasons: ['account_disabled'] }
  if (!policy.enabled) return { kind: 'allow', reasons: ['policy_disabled'] }

  const required = requirementReasons(policy, account)
  if (account.enrolledAuthenticators === 0) return decideUnenrolled(policy, account, required, now)

  const state = freshness(policy, proven, now)
  if (state === 'second_factor_fresh') return { kind: 'allow', reasons: [state] }
  const reasons: Reason[] = required.length > 0 ? required : ['second_factor_enrolled']
  if (state) reasons.push(state)
  return { kind: 'challenge', methods: policy.allowed_methods, reasons }
}

const decideUnenrolled = (
  policy: Policy,
  account: DecisionAccount,
  required: Reason[],
  now: Date,
): Decision => {
  if (required.length === 0) return { kind: 'allow', reasons: ['second_factor_not_required'] }
  if (inGrace(policy, account, now)) return { kind: 'allow', reasons: [...required, 'enrollment_grace'] }
  return { kind: 'enroll', methods: ['totp'], reasons: required }
}
