// What an ID token and userinfo say of an account: what the granted scopes and the `claims` parameter ask for (OpenID
// Connect Core 5.4, 5.5). Pure.
import { type Account, accountLabel } from '../accounts/account.ts'

/** Where a claim is asked for. */
export type ClaimsPlace = 'id_token' | 'userinfo'

/** The names that the `claims` parameter asks for; whether they are essential does not matter here. */
export type ClaimsRequest = Partial<Record<ClaimsPlace, readonly string[]>>

const CLAIMS_OF_SCOPES: Record<string, readonly string[]> = {
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
  address: ['address'],
  roles: ['roles', 'client_roles'],
}

/** Names of the claims that can be had, for discovery. */
export const ACCOUNT_CLAIMS: readonly string[] = Object.values(CLAIMS_OF_SCOPES).flat()

const namesOf = (parsed: unknown, place: ClaimsPlace): string[] => {
  if (typeof parsed !== 'object' || parsed === null) return []
  const names: unknown = Reflect.get(parsed, place)
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
}

/** What a grant keeps of the `claims` parameter: JSON, a list of names for each place. */
export const readClaimsRequest = (stored: string | null): ClaimsRequest => {
  if (stored === null) return {}
  const parsed: unknown = JSON.parse(stored)
  return { id_token: namesOf(parsed, 'id_token'), userinfo: namesOf(parsed, 'userinfo') }
}

/** Roles that a client reports of its subjects have a claim of their own: Postern does not vouch for them. */
export const rolesClaim = ({ clientId, roles }: Account) =>
  clientId === null ? { roles } : { client_roles: roles }

/** All that is known of an account. Without `…_verified`, an address might be taken for one that is. */
const knownClaims = (account: Account): Record<string, unknown> => {
  const { email, displayName, claims } = account
  const { email_verified: emailVerified, phone_number_verified: phoneVerified, ...others } = claims
  return {
    ...others,
    preferred_username: accountLabel(account),
    updated_at: Math.floor(account.updatedAt.getTime() / 1000),
    ...(displayName !== null && { name: displayName }),
    ...(email !== null && { email, email_verified: emailVerified ?? false }),
    ...(claims.phone_number !== undefined && { phone_number_verified: phoneVerified ?? false }),
    ...rolesClaim(account),
  }
}

/** The claims of an account in one place; what is not known is left out, also where it is called essential. */
export const claimsFor = (
  account: Account,
  scopes: readonly string[],
  request: ClaimsRequest,
  place: ClaimsPlace,
): Record<string, unknown> => {
  const byScope = scopes.flatMap((scope) => CLAIMS_OF_SCOPES[scope] ?? [])
  const asked = new Set([...byScope, ...(request[place] ?? [])])
  if (asked.size === 0) return {}
  return Object.fromEntries(Object.entries(knownClaims(account)).filter(([name]) => asked.has(name)))
}
