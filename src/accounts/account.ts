// Who signs in. Pure: an account, and how its row reads.
import type { StandardClaims } from './claims.ts'

/** Columns of `accounts` that make an `Account`, for every statement that reads one under the alias `a`. */
export const ACCOUNT_COLUMNS = `a.id, a.client_id, a.subject, a.username, a.email, a.display_name, a.roles, a.status,
  a.enrolled_authenticators, a.claims, a.created_at, a.updated_at`

export type AccountStatus = 'active' | 'disabled'

export type Account = {
  id: string
  /** The client whose external subject this is; null for Postern's own accounts. */
  clientId: string | null
  /** The client's name for it; null for Postern's own accounts. */
  subject: string | null
  username: string | null
  email: string | null
  displayName: string | null
  roles: string[]
  status: AccountStatus
  enrolledAuthenticators: number
  claims: StandardClaims
  createdAt: Date
  updatedAt: Date
}

export type AccountRow = {
  id: string
  client_id: string | null
  subject: string | null
  username: string | null
  email: string | null
  display_name: string | null
  roles: string[]
  status: AccountStatus
  enrolled_authenticators: number
  claims: StandardClaims
  created_at: Date
  updated_at: Date
}

export const toAccount = (row: AccountRow): Account => ({
  id: row.id,
  clientId: row.client_id,
  subject: row.subject,
  username: row.username,
  email: row.email,
  displayName: row.display_name,
  roles: row.roles,
  status: row.status,
  enrolledAuthenticators: row.enrolled_authenticators,
  claims: row.claims,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

export type AccountWithPassword = {
  account: Account
  /** Null for an account that signs in without one. */
  passwordHash: string | null
  /** Known to be long enough to be the only factor (docs/security.md 1). */
  passwordIsLong: boolean
}

export type PasswordRow = AccountRow & { password_hash: string | null; password_is_long: boolean }

export const toAccountWithPassword = (row: PasswordRow): AccountWithPassword => ({
  account: toAccount(row),
  passwordHash: row.password_hash,
  passwordIsLong: row.password_is_long,
})

/** The role that administers Postern. */
export const ADMINISTRATOR_ROLE = 'admin'

/** True for an account of Postern's own with that role. Roles that a client reports of its subjects do not count. */
export const isAdministrator = ({ clientId, roles }: Account): boolean =>
  clientId === null && roles.includes(ADMINISTRATOR_ROLE)

/** How user names and email addresses are compared: NFC, case-folded, trimmed. */
export const nameKey = (name: string): string => name.trim().normalize('NFC').toLowerCase()

/** The name a person knows the account by, for QR codes and greetings. */
export const accountLabel = (account: Account): string =>
  account.username ?? account.email ?? account.displayName ?? account.subject ?? account.id
