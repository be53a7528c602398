// Passwords in PostgreSQL.

import {
  type Account,
  type AccountWithPassword,
  type PasswordRow,
  toAccountWithPassword,
} from '../accounts/account.ts'
import { PASSWORD_COLUMNS } from '../accounts/account-sql.ts'
import type { AuditEvent } from '../audit/event.ts'
import type { Sql } from '../postgres/pool.ts'

const FIND_WITH_PASSWORD = {
  name: 'find_account_with_password',
  text: `SELECT ${PASSWORD_COLUMNS} FROM accounts AS a WHERE a.id = $1`,
}

export const findAccountWithPassword = async (
  deps: { postgres: Sql },
  accountId: string,
): Promise<AccountWithPassword | null> => {
  const [row] = await deps.postgres.query<PasswordRow>(FIND_WITH_PASSWORD, [accountId])
  return row ? toAccountWithPassword(row) : null
}

// Compare-and-set: of two changes that were both given the current password, one is refused and has to begin again. A short password
// was accepted beside a second factor, and is stored only while the account still has it, or still must (docs/security.md
// 1, 39). The row's lock makes that and the removal of the last authenticator follow each other.
const CHANGE_PASSWORD = {
  name: 'change_password',
  text: `
    WITH changed AS (
      UPDATE accounts
         SET password_hash = $3,
             password_changed_at = $4::timestamptz,
             long_password_changed_at = CASE WHEN $5::boolean THEN $4::timestamptz END,
             updated_at = $4::timestamptz
       WHERE id = $1
         AND password_hash IS NOT DISTINCT FROM $2
         AND status = 'active'
         AND ($5::boolean OR (enrolled_authenticators = $6 AND roles = $7))
      RETURNING id
    )
    SELECT record_audit_event($8::jsonb) FROM changed`,
}

/** `acceptedFor` is the account that the password was accepted for. */
export type StoredPassword = {
  acceptedFor: Account
  previous: string | null
  next: string
  isLong: boolean
  now: Date
}

/**
 * Stores a new password and records `event`; false if the account's has changed meanwhile, or it may not sign in, or has
 * changed so that the password might not be accepted any more.
 */
export const storePassword = async (
  deps: { postgres: Sql },
  { acceptedFor, previous, next, isLong, now }: StoredPassword,
  event: AuditEvent,
): Promise<boolean> => {
  const { id, enrolledAuthenticators, roles } = acceptedFor
  const values = [id, previous, next, now, isLong, enrolledAuthenticators, roles, JSON.stringify(event)]
  return (await deps.postgres.query(CHANGE_PASSWORD, values)).length === 1
}

const RENEW_PASSWORD_HASH = {
  name: 'renew_password_hash',
  text: `
    UPDATE accounts
       SET password_hash = $3,
           long_password_changed_at = CASE WHEN $4::boolean THEN password_changed_at END
     WHERE id = $1 AND password_hash = $2
    RETURNING id`,
}

/**
 * Stores a hash of the same password, and whether it is long; false where the password has been changed, or hashed anew,
 * meanwhile.
 */
export const renewPasswordHash = async (
  deps: { postgres: Sql },
  accountId: string,
  { previous, next, isLong }: { previous: string; next: string; isLong: boolean },
): Promise<boolean> =>
  (await deps.postgres.query(RENEW_PASSWORD_HASH, [accountId, previous, next, isLong])).length === 1
