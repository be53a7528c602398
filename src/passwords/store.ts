// Passwords in PostgreSQL.

import { ACCOUNT_COLUMNS, type Account, type AccountRow, toAccount } from '../accounts/account.ts'
import type { AuditEvent } from '../audit/event.ts'
import type { Sql } from '../postgres/pool.ts'

const FIND_WITH_PASSWORD = {
  name: 'find_account_with_password',
  text: `SELECT ${ACCOUNT_COLUMNS}, a.password_hash FROM accounts AS a WHERE a.id = $1`,
}

/** `passwordHash` is null for an account that signs in without one. */
export type AccountWithPassword = { account: Account; passwordHash: string | null }

export const findAccountWithPassword = async (
  deps: { postgres: Sql },
  accountId: string,
): Promise<AccountWithPassword | null> => {
  const [row] = await deps.postgres.query<AccountRow & { password_hash: string | null }>(FIND_WITH_PASSWORD, [
    accountId,
  ])
  return row ? { account: toAccount(row), passwordHash: row.password_hash } : null
}

// Compare-and-set: of two changes that were both given the current password, one is refused and has to begin again.
const CHANGE_PASSWORD = {
  name: 'change_password',
  text: `
    WITH changed AS (
      UPDATE accounts
         SET password_hash = $3, password_changed_at = $4, updated_at = $4
       WHERE id = $1 AND password_hash IS NOT DISTINCT FROM $2 AND status = 'active'
      RETURNING id
    )
    SELECT record_audit_event($5::jsonb) FROM changed`,
}

/** Stores a new password and records `event`; false if the account's has changed meanwhile, or it may not sign in. */
export const storePassword = async (
  deps: { postgres: Sql },
  change: { accountId: string; previous: string | null; next: string; now: Date },
  event: AuditEvent,
): Promise<boolean> => {
  const values = [change.accountId, change.previous, change.next, change.now, JSON.stringify(event)]
  return (await deps.postgres.query(CHANGE_PASSWORD, values)).length === 1
}

const REPLACE_PASSWORD_HASH = {
  name: 'replace_password_hash',
  text: `
    UPDATE accounts
       SET password_hash = $3
     WHERE id = $1 AND password_hash = $2
    RETURNING id`,
}

/** Stores the same password hashed anew; false where it has been changed, or hashed anew, meanwhile. */
export const replacePasswordHash = async (
  deps: { postgres: Sql },
  accountId: string,
  previous: string,
  next: string,
): Promise<boolean> =>
  (await deps.postgres.query(REPLACE_PASSWORD_HASH, [accountId, previous, next])).length === 1
