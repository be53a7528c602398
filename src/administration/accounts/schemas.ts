// What an account is over HTTP: the members that are given, and the item that is shown. Pure. One source of the
// names' shape for the routes and the command line.
import { type Static, Type } from 'typebox'
import type { AccountChanges } from '../../accounts/changes-store.ts'
import { ClaimChanges, StandardClaims } from '../../accounts/claims.ts'
import type { ListedAccount } from '../../accounts/details.ts'
import { AccountStatus, DisplayName, Email, Roles, Username } from '../../accounts/schemas.ts'
import type { Policy } from '../../policy/policy.ts'
import { SECOND_FACTOR_MEMBERS, toProfileItem } from '../../profile/schemas.ts'
import { Nullable, Strict, Timestamp, Uuid } from '../../wire/schemas.ts'

/** What a new account is given, its password aside. */
export const NewAccountMembers = {
  username: Username,
  email: Type.Optional(Nullable(Email)),
  display_name: Type.Optional(Nullable(DisplayName)),
  roles: Type.Optional(Roles),
  claims: Type.Optional(ClaimChanges),
}

export const NewAccountNames = Strict(NewAccountMembers)
type NewAccountNames = Static<typeof NewAccountNames>

/** What of an account can be changed; what is left out stays as it is. */
export const AccountPatch = Strict(
  {
    username: Type.Optional(Username),
    email: Type.Optional(Nullable(Email)),
    display_name: Type.Optional(Nullable(DisplayName)),
    roles: Type.Optional(Roles),
    status: Type.Optional(AccountStatus),
    claims: Type.Optional(ClaimChanges),
  },
  { minProperties: 1, examples: [{ display_name: 'Ada Lovelace', roles: ['user', 'viewer'] }] },
)
type AccountPatch = Static<typeof AccountPatch>

const SecondFactorStatus = Type.Object({
  ...SECOND_FACTOR_MEMBERS,
  locked_until: Nullable(Timestamp),
})

/** An account as administrators see it; never a secret. */
export const AccountItem = Type.Object({
  id: Uuid,
  username: Nullable(Type.String({ examples: ['ada'] })),
  email: Nullable(Type.String({ examples: ['ada@example.org'] })),
  display_name: Nullable(Type.String({ examples: ['Ada Lovelace'] })),
  roles: Type.Array(Type.String(), { examples: [['user']] }),
  status: AccountStatus,
  second_factor: SecondFactorStatus,
  client_id: Nullable(Type.String({ description: 'The client whose external subject it is.' })),
  subject: Nullable(Type.String({ description: "That client's name for it." })),
  claims: StandardClaims,
  created_at: Timestamp,
  updated_at: Timestamp,
  last_login_at: Nullable(Timestamp),
})
export type AccountItem = Static<typeof AccountItem>

/** What a new account is given; `createAccount` has the defaults. */
export type WantedAccount = Omit<AccountChanges, 'status'> & { username: string }

export const toWantedAccount = ({ display_name: displayName, ...given }: NewAccountNames): WantedAccount => ({
  ...given,
  ...(displayName !== undefined && { displayName }),
})

export const toAccountChanges = ({ display_name: displayName, ...given }: AccountPatch): AccountChanges => ({
  ...given,
  ...(displayName !== undefined && { displayName }),
})

/** `lockedUntilMs` in epoch milliseconds. */
export const toAccountItem = (
  details: ListedAccount,
  policy: Policy,
  lockedUntilMs: number | null,
): AccountItem => {
  const { account } = details
  const profile = toProfileItem(details, policy)
  return {
    ...profile,
    second_factor: {
      ...profile.second_factor,
      locked_until: lockedUntilMs === null ? null : new Date(lockedUntilMs).toISOString(),
    },
    client_id: account.clientId,
    subject: account.subject,
    updated_at: account.updatedAt.toISOString(),
    last_login_at: details.lastLoginAt?.toISOString() ?? null,
  }
}
