// Parts of statements that several stores share, so that each fact is written in one way.
import { ACCOUNT_COLUMNS } from './account.ts'

/** What makes an `AccountDetails`, for every statement that reads one under the alias `a`. */
export const DETAILS_COLUMNS = `${ACCOUNT_COLUMNS},
  ARRAY(SELECT DISTINCT t.type FROM authenticators AS t WHERE t.account_id = a.id AND t.status = 'active' ORDER BY t.type)
    AS methods,
  (SELECT count(*) FROM recovery_codes AS r WHERE r.account_id = a.id AND r.used_at IS NULL)
    AS recovery_codes_remaining`

/** What makes an `AccountWithFactors`. */
export const FACTORS_COLUMNS = `${DETAILS_COLUMNS},
  (SELECT COALESCE(jsonb_agg(jsonb_build_object('id', t.id, 'secretSealed', t.secret_sealed, 'algorithm', t.algorithm,
                                                'digits', t.digits, 'stepSeconds', t.step_seconds)
                             ORDER BY t.created_at), '[]')
     FROM authenticators AS t
    WHERE t.account_id = a.id AND t.type = 'totp' AND t.status = 'active')
    AS totp`

/** What makes a `ListedAccount`: the rest is noted by sign-ins too, and is not kept by replicas. */
export const LISTED_COLUMNS = `${DETAILS_COLUMNS}, a.last_login_at`

/** True where the account's password is known to be long enough to be the only factor; under the alias `a`. */
export const PASSWORD_IS_LONG = 'COALESCE(a.long_password_changed_at = a.password_changed_at, false)'

/** What makes an `AccountWithPassword`, for every statement that reads one under the alias `a`. */
export const PASSWORD_COLUMNS = `${ACCOUNT_COLUMNS}, a.password_hash, ${PASSWORD_IS_LONG} AS password_is_long`

/** How every statement notes a sign-in. Accounts have the alias `a`; the WHERE that follows says which one. */
export const noteSignIn = (at: string): string => `UPDATE accounts AS a
         SET last_login_at = ${at}`

/**
 * The part of a statement that notes sign-ins on the accounts of `burned` (a CTE with `account_id`), but for those whose
 * `signed_in_at` is null.
 */
export const signedIn = (burned: string): string => `signed_in AS (
      ${noteSignIn(`${burned}.signed_in_at`)}
        FROM ${burned}
       WHERE a.id = ${burned}.account_id AND ${burned}.signed_in_at IS NOT NULL
    )`

/** What a collected statement that reads accounts by their ids ($1) is FROM: `asked.n`, and each account that is there. */
export const ASKED_ACCOUNTS = `unnest($1::uuid[]) WITH ORDINALITY AS asked (id, n)
      JOIN accounts AS a ON a.id = asked.id`

/**
 * The first part of a collected statement (`postgres/collected.ts`): who asks, each with an `id` ($1), and with the
 * `members` of an object ($2, JSON).
 */
export const asked = (members: string): string => `asked AS (
      SELECT caller.id, caller.n, given.*
        FROM unnest($1::uuid[]) WITH ORDINALITY AS caller (id, n)
       CROSS JOIN jsonb_to_record($2::jsonb -> (caller.n - 1)::int) AS given (${members})
    )`

/** Whether a statement waits for rows that another transaction has locked, or leaves them out. */
export type Locking = '' | 'SKIP LOCKED'

/**
 * The part of a collected statement that changes the rows `asked.id` of `table`: locks their accounts, and has no row
 * where one is not active. The change joins it, and so has the account before it waits for anything else.
 */
export const lockedOwners = (
  table: 'authenticators' | 'recovery_codes',
  locking: Locking,
): string => `owner AS (
      SELECT asked.*, a.id AS account_id
        FROM asked
        JOIN ${table} AS owned ON owned.id = asked.id
        JOIN accounts AS a ON a.id = owned.account_id AND a.status = 'active'
         FOR NO KEY UPDATE OF a${locking && `, owned ${locking}`}
    )`
