import type { Policy } from './policy.ts'

/** The policy where a client asks for a second factor (`acr` aal2): with no grace, and even while the policy is disabled. */
export const withSecondFactor = (policy: Policy): Policy => ({
  ...policy,
  enabled: true,
  required_for_all: true,
  enrollment_grace_days: 0,
})
