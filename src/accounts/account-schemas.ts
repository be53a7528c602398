// What an account is over HTTP: the members that are given, and the item that is shown. Pure. One source of the
// names' shape for the routes and the command line.
import { type Static, Type } from 'typebox'
import { requirementReasons } from '../policy/decide.ts'
import { type Policy, RoleName } from '../policy/policy.ts'
import { Nullable, PlainText, Strict, Timestamp, Uuid } from '../schemas.ts'
import type { AccountDetails } from './account-details-store.ts'

// ASCII, so that no two names look the same. One with an @ has to be the account's own email address.
const Username = Type.String({
  pattern: '^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$',
  description: 'Compared without regard to case. One with an @ is the email address too.',
  examples: ['ada'],
})
const Email = Type.String({ format: 'email', maxLength: 254, examples: ['ada@example.org'] })
const DisplayName = PlainText({ minLength: 1, maxLength: 128 })
const Roles = Type.Array(RoleName, { maxItems: 64, uniqueItems: true, examples: [['user']] })
const Status = Type.Union([Type.Literal('active'), Type.Literal('disabled')])

/** What a new account is given, its password aside. */
export const NewAccountMembers = {
  username: Username,
  email: Type.Optional(Nullable(Email)),
  display_name: Type.Optional(Nullable(DisplayName)),
  roles: Type.Optional(Roles),
}

export const NewAccountNames = Strict(NewAccountMembers)
export type NewAccountNames = Static<typeof NewAccountNames>

/** What of an account can be changed; what is left out stays as it is. */
export const AccountPatch = Strict(
  {
    username: Type.Optional(Username),
    email: Type.Optional(Nullable(Email)),
    display_name: Type.Optional(Nullable(DisplayName)),
    roles: Type.Optional(Roles),
    status: Type.Optional(Status),
  },
  { minProperties: 1, examples: [{ display_name: 'Ada Lovelace', roles: ['user', 'viewer'] }] },
)
export type AccountPatch = Static<typeof AccountPatch>

const SECOND_FACTOR_MEMBERS = {
  enabled: Type.Boolean({ description: 'An authenticator is enrolled.' }),
  required: Type.Boolean({ description: 'The policy requires a second factor.' }),
  methods: Type.Array(Type.String(), { examples: [['totp', 'recovery_code']] }),
  recovery_codes_remaining: Type.Integer(),
}

const SecondFactorStatus = Type.Object({
  ...SECOND_FACTOR_MEMBERS,
  locked_until: Nullable(Timestamp),
})

/** An account as it sees itself. */
export const ProfileItem = Type.Object({
  id: Uuid,
  username: Nullable(Type.String({ examples: ['ada'] })),
  email: Nullable(Type.String({ examples: ['ada@example.org'] })),
  display_name: Nullable(Type.String({ examples: ['Ada Lovelace'] })),
  roles: Type.Array(Type.String(), { examples: [['user']] }),
  status: Status,
  second_factor: Type.Object(SECOND_FACTOR_MEMBERS),
  created_at: Timestamp,
})
export type ProfileItem = Static<typeof ProfileItem>

/** An account as administrators see it; never a secret. */
export const AccountItem = Type.Object({
  id: Uuid,
  username: Nullable(Type.String({ examples: ['ada'] })),
  email: Nullable(Type.String({ examples: ['ada@example.org'] })),
  display_name: Nullable(Type.String({ examples: ['Ada Lovelace'] })),
  roles: Type.Array(Type.String(), { examples: [['user']] }),
  status: Status,
  second_factor: SecondFactorStatus,
  client_id: Nullable(Type.String({ description: 'The client whose external subject it is.' })),
  subject: Nullable(Type.String({ description: "That client's name for it." })),
  created_at: Timestamp,
  updated_at: Timestamp,
  last_login_at: Nullable(Timestamp),
})
export type AccountItem = Static<typeof AccountItem>

const secondFactorOf = (
  { account, methods, recoveryCodesRemaining }: AccountDetails,
  policy: Policy,
): Static<typeof ProfileItem>['second_factor'] => ({
  enabled: account.enrolledAuthenticators > 0,
  required: requirementReasons(policy, account).length > 0,
  methods: recoveryCodesRemaining > 0 ? [...methods, 'recovery_code'] : methods,
  recovery_codes_remaining: recoveryCodesRemaining,
})

/** `lockedUntilMs` in epoch milliseconds. */
export const toAccountItem = (
  details: AccountDetails,
  policy: Policy,
  lockedUntilMs: number | null,
): AccountItem => {
  const { account } = details
  return {
    id: account.id,
    username: account.username,
    email: account.email,
    display_name: account.displayName,
    roles: account.roles,
    status: account.status,
    second_factor: {
      ...secondFactorOf(details, policy),
      locked_until: lockedUntilMs === null ? null : new Date(lockedUntilMs).toISOString(),
    },
    client_id: account.clientId,
    subject: account.subject,
    created_at: account.createdAt.toISOString(),
    updated_at: account.updatedAt.toISOString(),
    last_login_at: account.lastLoginAt?.toISOString() ?? null,
  }
}

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
    created_at: account.createdAt.toISOString(),
  }
}
