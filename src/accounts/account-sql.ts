// Parts of statements that several stores share, so that each fact is written in one way.
import { ACCOUNT_COLUMNS } from './account.ts'

/** What makes an `AccountDetails`, for every statement that reads one under the alias `a`. */
export const DETAILS_COLUMNS = `${ACCOUNT_COLUMNS},
  ARRAY(SELECT DISTINCT t.type FROM authenticators AS t WHERE t.account_id = a.id AND t.status = 'active' ORDER BY t.type)
    AS methods,
  (SELECT count(*) FROM recovery_codes AS r WHERE r.account_id = a.id AND r.used_at IS NULL)
    AS recovery_codes_remaining`

/** True where the account's password is known to be long enough to be the only factor; under the alias `a`. */
export const PASSWORD_IS_LONG = 'COALESCE(a.long_password_changed_at = a.password_changed_at, false)'

/** What makes an `AccountWithPassword`, for every statement that reads one under the alias `a`. */
export const PASSWORD_COLUMNS = `${ACCOUNT_COLUMNS}, a.password_hash, ${PASSWORD_IS_LONG} AS password_is_long`

/** How every statement notes a sign-in. Accounts have the alias `a`; the WHERE that follows says which one. */
export const noteSignIn = (at: string): string => `UPDATE accounts AS a
         SET last_login_at = ${at}`

/**
 * The part of a statement that notes a sign-in on the account of `burned` (a CTE with `account_id`). Where the
 * parameter `at` is null, it notes nothing.
 */
export const signedIn = (burned: string, at: string): string => `signed_in AS (
      ${noteSignIn(at)}
        FROM ${burned}
       WHERE a.id = ${burned}.account_id AND ${at}::timestamptz IS NOT NULL
    )`

/**
 * The first part of a statement that changes the row `id` of `table`: locks its account, and has no row where that is
 * not active. The change joins it, and so waits for the account before it locks anything else.
 */
export const lockedOwner = (table: 'authenticators' | 'recovery_codes', id: string): string => `owner AS (
      SELECT a.id
        FROM accounts AS a
       WHERE a.id = (SELECT account_id FROM ${table} WHERE id = ${id}) AND a.status = 'active'
         FOR NO KEY UPDATE
    )`
