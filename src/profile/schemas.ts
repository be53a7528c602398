// An account as it sees itself. Pure.
import { type Static, Type } from 'typebox'
import { StandardClaims } from '../accounts/claims.ts'
import type { AccountDetails } from '../accounts/details.ts'
import { AccountStatus } from '../accounts/schemas.ts'
import { requirementReasons } from '../policy/decide.ts'
import type { Policy } from '../policy/policy.ts'
import { Nullable, Timestamp, Uuid } from '../wire/schemas.ts'

/** What an account and its administrators see of its second factor. */
export const SECOND_FACTOR_MEMBERS = {
  enabled: Type.Boolean({ description: 'An authenticator is enrolled.' }),
  required: Type.Boolean({ description: 'The policy requires a second factor.' }),
  methods: Type.Array(Type.String(), { examples: [['totp', 'recovery_code']] }),
  recovery_codes_remaining: Type.Integer(),
}

/** An account as it sees itself. */
export const ProfileItem = Type.Object({
  id: Uuid,
  username: Nullable(Type.String({ examples: ['ada'] })),
  email: Nullable(Type.String({ examples: ['ada@example.org'] })),
  display_name: Nullable(Type.String({ examples: ['Ada Lovelace'] })),
  roles: Type.Array(Type.String(), { examples: [['user']] }),
  status: AccountStatus,
  second_factor: Type.Object(SECOND_FACTOR_MEMBERS),
  claims: StandardClaims,
  created_at: Timestamp,
})
export type ProfileItem = Static<typeof ProfileItem>

const secondFactorOf = (
  { account, methods, recoveryCodesRemaining }: AccountDetails,
  policy: Policy,
): Static<typeof ProfileItem>['second_factor'] => ({
  enabled: account.enrolledAuthenticators > 0,
  required: requirementReasons(policy, account).length > 0,
  methods: recoveryCodesRemaining > 0 ? [...methods, 'recovery_code'] : methods,
  recovery_codes_remaining: recoveryCodesRemaining,
})

export const toProfileItem = (details: AccountDetails, policy: Policy): ProfileItem => {
  const { account } = details
  return {
    id: account.id,
    username: account.username,
    email: account.email,
    display_name: account.displayName,
    roles: account.roles,
    status: account.status,
    second_factor: secondFactorOf(details, policy),
    claims: account.claims,
    created_at: account.createdAt.toISOString(),
  }
}
