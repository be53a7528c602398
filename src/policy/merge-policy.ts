// A change applied to the policy. Pure.
import { isDeepStrictEqual } from 'node:util'
import { type Static, Type } from 'typebox'
import { AuthError } from '../errors.ts'
import { Strict } from '../wire/schemas.ts'
import { Policy } from './policy.ts'

/**
 * Members to change; those left out stay as they are, also inside `totp`. As in RFC 7396, except that no member can be
 * removed: `null` is a value, where the schema admits it.
 */
export const PolicyPatch = Strict(
  {
    ...Type.Partial(Policy).properties,
    totp: Type.Optional(Strict(Type.Partial(Policy.properties.totp).properties)),
  },
  { title: 'PolicyPatch', examples: [{ required_for_all: true, totp: { digits: 8 } }] },
)
export type PolicyPatch = Static<typeof PolicyPatch>

export type MergedPolicy = { policy: Policy; changed: Partial<Policy> }

/** Contradictions between members that are each in range. */
const refuseContradictions = (policy: Policy): void => {
  if (policy.session_idle > policy.session_absolute) {
    throw new AuthError(
      'invalid_request',
      `session_idle (${policy.session_idle}) must not be longer than session_absolute (${policy.session_absolute}).`,
      { fields: ['session_idle', 'session_absolute'] },
    )
  }
}

/**
 * The policy with the changes of `patch`, and the members that differ.
 * @throws {AuthError} invalid_request, where the result contradicts itself.
 */
export const mergePolicy = (current: Policy, patch: PolicyPatch): MergedPolicy => {
  const policy: Policy = { ...current, ...patch, totp: { ...current.totp, ...patch.totp } }
  refuseContradictions(policy)
  const differing = Object.entries(policy).filter(
    ([member, value]) => !isDeepStrictEqual(value, current[member as keyof Policy]),
  )
  return { policy, changed: Object.fromEntries(differing) }
}
