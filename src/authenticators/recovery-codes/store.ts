// Recovery codes in PostgreSQL: salted hashes, a set at a time, each used once.
import { ACCOUNT_COLUMNS, type Account, type AccountRow, toAccount } from '../../accounts/account.ts'
import { ASKED_ACCOUNTS, asked, type Locking, lockedOwners, signedIn } from '../../accounts/account-sql.ts'
import type { ChangingSql } from '../../accounts/change-under-version.ts'
import type { AuditEvent } from '../../audit/event.ts'
import type { Sql } from '../../postgres/pool.ts'
import type { StoredRecoveryCode } from './recovery-code.ts'

const FIND_RECOVERY_CODES = {
  name: 'find_recovery_codes',
  text: `
    SELECT asked.n, ${ACCOUNT_COLUMNS}, r.id AS code_id, r.salt, r.code_hash
      FROM ${ASKED_ACCOUNTS}
      LEFT JOIN recovery_codes AS r ON r.account_id = a.id AND r.used_at IS NULL`,
}

type CodeRow = { code_id: string; salt: Buffer; code_hash: Buffer }

/** The account and its unused recovery codes; null if there is no such account. */
export const findRecoveryCodes = async (
  deps: { postgres: Sql },
  accountId: string,
): Promise<{ account: Account; codes: StoredRecoveryCode[] } | null> => {
  const rows = await deps.postgres.collect<AccountRow & (CodeRow | { code_id: null })>(FIND_RECOVERY_CODES, [
    accountId,
  ])
  const [first] = rows
  if (!first) return null
  const unused = rows.filter((row): row is AccountRow & CodeRow => row.code_id !== null)
  return {
    account: toAccount(first),
    codes: unused.map((row) => ({ id: row.code_id, salt: row.salt, codeHash: row.code_hash })),
  }
}

const use = (locking: Locking): string => `
    WITH ${asked('used_at timestamptz, signed_in_at timestamptz, event jsonb')},
    ${lockedOwners('recovery_codes', locking)}, used AS (
      UPDATE recovery_codes AS r
         SET used_at = owner.used_at
        FROM owner
       WHERE r.id = owner.id AND r.account_id = owner.account_id AND r.used_at IS NULL
      RETURNING owner.*
    ), ${signedIn('used')}
    SELECT n, record_audit_event(event) FROM used`

const USE_RECOVERY_CODE = { name: 'use_recovery_code', json: 1, text: use('SKIP LOCKED'), alone: use('') }

/**
 * Uses a recovery code up and records `event`; false if it was used before. `signedInAt` where it also signs the
 * account in.
 */
export const useRecoveryCode = async (
  deps: { postgres: ChangingSql },
  { codeId, now, signedInAt }: { codeId: string; now: Date; signedInAt: Date | null },
  event: AuditEvent,
): Promise<boolean> => {
  const used = { used_at: now, signed_in_at: signedInAt, event }
  return (await deps.postgres.collect(USE_RECOVERY_CODE, [codeId, used])).length === 1
}

// The whole old set is deleted, used codes too. Callers hold the lock on the account (`lockFactors`, `raiseEnrolled`),
// so that of two new sets at once only one is kept.
const REPLACE_RECOVERY_CODES = {
  name: 'replace_recovery_codes',
  text: `
    WITH deleted AS (
      DELETE FROM recovery_codes
       WHERE account_id = $1
    ), inserted AS (
      INSERT INTO recovery_codes (id, account_id, salt, code_hash, generated_at)
      SELECT code.id, $1, code.salt, code.code_hash, $5
        FROM unnest($2::uuid[], $3::bytea[], $4::bytea[]) AS code (id, salt, code_hash)
      RETURNING id
    )
    SELECT record_audit_event($6::jsonb) FROM inserted LIMIT 1`,
}

/** Replaces the old set by a new one and records `event`. */
export const replaceRecoveryCodes = async (
  deps: { postgres: ChangingSql },
  accountId: string,
  set: { codes: readonly StoredRecoveryCode[]; now: Date },
  event: AuditEvent,
): Promise<void> => {
  await deps.postgres.query(REPLACE_RECOVERY_CODES, [
    accountId,
    set.codes.map(({ id }) => id),
    set.codes.map(({ salt }) => salt),
    set.codes.map(({ codeHash }) => codeHash),
    set.now,
    JSON.stringify(event),
  ])
}

const COUNT_RECOVERY_CODES = {
  name: 'count_recovery_codes',
  text: `
    SELECT count(*) FILTER (WHERE used_at IS NULL) AS remaining, max(generated_at) AS generated_at
      FROM recovery_codes
     WHERE account_id = $1`,
}

/** How many are unused, and when the set was made; null where there is none. */
export type RecoveryCodeCount = { remaining: number; generatedAt: Date | null }

export const readRecoveryCodeCount = async (
  deps: { postgres: Sql },
  accountId: string,
): Promise<RecoveryCodeCount> => {
  const [row] = await deps.postgres.query<{ remaining: number; generated_at: Date | null }>(
    COUNT_RECOVERY_CODES,
    [accountId],
  )
  return { remaining: row?.remaining ?? 0, generatedAt: row?.generated_at ?? null }
}
