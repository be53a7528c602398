// What a client may make stricter of the policy, and never looser. Pure.
import { Type } from 'typebox'
import type { Client } from '../clients/client.ts'
import { Strict } from '../wire/schemas.ts'
import { Policy } from './policy.ts'

const { required_roles, allowed_methods, second_factor_max_age, session_idle, session_absolute } =
  Policy.properties

/** Members of the policy that a client names to tighten them; `tightenPolicy` has the rule of each. */
export const ClientPolicy = Strict(
  {
    required_for_all: Type.Optional(
      Type.Literal(true, { description: 'Each of its sign-ins must pass a second factor.' }),
    ),
    required_roles: Type.Optional(required_roles),
    allowed_methods: Type.Optional(allowed_methods),
    second_factor_max_age: Type.Optional(second_factor_max_age),
    session_idle: Type.Optional(session_idle),
    session_absolute: Type.Optional(session_absolute),
  },
  { description: 'What it makes stricter of the policy; what is looser there has no effect.' },
)

/** What a client's sign-ins need, whatever the policy says: the members that a decision reads. */
type Tightening = Pick<Client, 'policy' | 'requiredAcr'>

const least = (one: number, other: number | undefined): number => Math.min(one, other ?? one)

/**
 * The policy for what is signed in through a client: each member as strict as the stricter of the two. A client that
 * requires a second factor has it while the policy is disabled, too; what the disabled policy requires, it does not.
 */
export const tightenPolicy = (policy: Policy, { policy: own, requiredAcr }: Tightening): Policy => {
  // Most clients tighten nothing.
  if (requiredAcr === null && Object.keys(own).length === 0) return policy
  const requiresOfAll = own.required_for_all === true || requiredAcr === 'aal2' || requiredAcr === 'phr'
  const ownRoles = own.required_roles ?? []
  const requires = requiresOfAll || ownRoles.length > 0
  const required =
    policy.enabled || !requires
      ? { forAll: policy.required_for_all, roles: policy.required_roles }
      : { forAll: false, roles: [] }
  return {
    ...policy,
    enabled: policy.enabled || requires,
    required_for_all: required.forAll || requiresOfAll,
    required_roles: [...new Set([...required.roles, ...ownRoles])],
    // A required second factor leaves no days to enroll it in.
    enrollment_grace_days: requiresOfAll ? 0 : policy.enrollment_grace_days,
    allowed_methods: policy.allowed_methods.filter((method) => own.allowed_methods?.includes(method) ?? true),
    second_factor_max_age: least(policy.second_factor_max_age, own.second_factor_max_age),
    session_idle: least(policy.session_idle, own.session_idle),
    session_absolute: least(policy.session_absolute, own.session_absolute),
  }
}
