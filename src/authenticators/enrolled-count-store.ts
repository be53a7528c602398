// An account's count of enrolled authenticators, and removing all of them. Every change of authenticators or recovery
// codes first locks their account, in the same statement or transaction. So changes of one account's factors run one
// after the other, none of them is in a deadlock, and "the first", "not too many" and "not the last" are each one
// conditional update.
// Two kinds of change do not need that lock, because they never wait while they hold a row: a rename changes one row,
// and changes of many accounts (deleting expired enrollments, `key reseal`) skip the rows that others have locked.
import { PASSWORD_IS_LONG } from '../accounts/account-sql.ts'
import type { ChangingSql } from '../accounts/change-under-version.ts'
import type { Sql } from '../postgres/pool.ts'

type CountRow = { enrolled_authenticators: number }

const countOf = ([row]: CountRow[]): number | null => row?.enrolled_authenticators ?? null

const LOCK = {
  name: 'lock_factors',
  text: `
    SELECT a.enrolled_authenticators, a.password_hash IS NULL OR ${PASSWORD_IS_LONG} AS can_do_without
      FROM accounts AS a
     WHERE a.id = $1 AND a.status = 'active'
       FOR NO KEY UPDATE`,
}

/**
 * `canDoWithout`: no password of Postern's would be left alone, or one that is known to be long enough for that
 * (docs/security.md 1).
 */
export type LockedFactors = { enrolled: number; canDoWithout: boolean }

/** Locks the account's row until the transaction ends, and reads it; null if the account is disabled or gone. */
export const lockFactors = async (
  deps: { postgres: Sql },
  accountId: string,
): Promise<LockedFactors | null> => {
  const [row] = await deps.postgres.query<CountRow & { can_do_without: boolean }>(LOCK, [accountId])
  return row ? { enrolled: row.enrolled_authenticators, canDoWithout: row.can_do_without } : null
}

const RAISE = {
  name: 'raise_enrolled',
  text: `
    UPDATE accounts
       SET enrolled_authenticators = enrolled_authenticators + 1
     WHERE id = $1 AND status = 'active' AND enrolled_authenticators < $2
    RETURNING enrolled_authenticators`,
}

/**
 * Counts one more, if there are fewer than `below`; 1 admits only the first. Null if there are not fewer, or the account
 * is disabled or gone.
 */
export const raiseEnrolled = async (
  deps: { postgres: ChangingSql },
  accountId: string,
  { below }: { below: number },
): Promise<number | null> => countOf(await deps.postgres.query<CountRow>(RAISE, [accountId, below]))

const LOWER = {
  name: 'lower_enrolled',
  text: `
    UPDATE accounts
       SET enrolled_authenticators = enrolled_authenticators - 1
     WHERE id = $1 AND enrolled_authenticators > $2
    RETURNING enrolled_authenticators`,
}

/** Counts one less, if at least `keep` remain; otherwise null. */
export const lowerEnrolled = async (
  deps: { postgres: ChangingSql },
  accountId: string,
  { keep }: { keep: 0 | 1 },
): Promise<number | null> => countOf(await deps.postgres.query<CountRow>(LOWER, [accountId, keep]))

const CLEAR_COUNT = {
  name: 'clear_enrolled_count',
  text: `
    UPDATE accounts
       SET enrolled_authenticators = 0
     WHERE id = $1
    RETURNING id`,
}
const CLEAR_FACTORS = {
  name: 'clear_factors',
  text: `
    WITH codes AS (
      DELETE FROM recovery_codes
       WHERE account_id = $1
    )
    DELETE FROM authenticators
     WHERE account_id = $1 AND (status <> 'pending' OR $2::boolean)`,
}

/**
 * Removes an account's second factor: every authenticator and recovery code, with or without the authenticators that
 * are not confirmed yet. Two statements, to be run in a transaction: the first waits for the lock on the account's row,
 * so that the second sees what the change before has committed. False if there is no such account.
 */
export const clearFactors = async (
  deps: { postgres: ChangingSql },
  accountId: string,
  which: 'enrolled' | 'enrolled_and_begun',
): Promise<boolean> => {
  if ((await deps.postgres.query(CLEAR_COUNT, [accountId])).length === 0) return false
  await deps.postgres.query(CLEAR_FACTORS, [accountId, which === 'enrolled_and_begun'])
  return true
}
