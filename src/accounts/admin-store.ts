// Accounts in PostgreSQL, as administrators and the command line handle them.
import type { AuditEvent } from '../audit/event.ts'
import { AuthError } from '../errors.ts'
import { type Sql, violates } from '../postgres.ts'
import { nameKey } from './account.ts'

/** A new account of Postern's own. */
export type NewAccount = {
  id: string
  username: string
  passwordHash: string | null
  email: string | null
  displayName: string | null
  roles: string[]
  createdAt: Date
}

const INSERT_ACCOUNT = {
  name: 'insert_account',
  text: `
    WITH inserted AS (
      INSERT INTO accounts (id, username, username_key, password_hash, email, email_key, display_name, roles,
                            created_at, updated_at, password_changed_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::timestamptz, $9::timestamptz, CASE WHEN $4::text IS NULL THEN NULL ELSE $9::timestamptz END)
      RETURNING id
    )
    SELECT record_audit_event($10::jsonb) FROM inserted`,
}

/** @throws {AuthError} conflict, where the user name or the email address is taken. */
export const insertAccount = async (
  deps: { postgres: Sql },
  account: NewAccount,
  event: AuditEvent,
): Promise<void> => {
  const { id, username, passwordHash, email, displayName, roles, createdAt } = account
  const emailKey = email === null ? null : nameKey(email)
  const names = [
    id,
    username,
    nameKey(username),
    passwordHash,
    email,
    emailKey,
    displayName,
    roles,
    createdAt,
  ]
  try {
    await deps.postgres.query(INSERT_ACCOUNT, [...names, JSON.stringify(event)])
  } catch (error) {
    throw toConflict(error)
  }
}

const toConflict = (error: unknown): unknown => {
  if (violates(error, 'accounts_username'))
    return new AuthError('conflict', 'The user name is taken.', { fields: ['username'] })
  if (violates(error, 'accounts_email'))
    return new AuthError('conflict', 'The email address is taken.', { fields: ['email'] })
  return error
}

const ANY_OWN_ACCOUNT = {
  name: 'any_own_account',
  text: 'SELECT EXISTS (SELECT 1 FROM accounts WHERE client_id IS NULL) AS found',
}

/** True once Postern has an account of its own. */
export const hasOwnAccounts = async (deps: { postgres: Sql }): Promise<boolean> => {
  const [row] = await deps.postgres.query<{ found: boolean }>(ANY_OWN_ACCOUNT)
  return row?.found === true
}
