// Enrollment in PostgreSQL: authenticators that are begun and not confirmed yet. Each expires.
import type { ChangingSql } from '../accounts/change-under-version.ts'
import type { StoredTotp } from '../accounts/details.ts'
import type { AuditEvent } from '../audit/event.ts'
import type { Sealer } from '../encryption/sealer.ts'
import type { Sql } from '../postgres/pool.ts'
import {
  AUTHENTICATOR_COLUMNS,
  type Authenticator,
  type AuthenticatorRow,
  openTotp,
  type TotpAuthenticator,
  toAuthenticator,
} from './authenticator.ts'
import type { TotpParameters } from './totp/totp.ts'

// Replicas skip rows that another one is deleting or confirming.
const DELETE_EXPIRED = {
  name: 'delete_expired_enrollments',
  text: `
    DELETE FROM authenticators
     WHERE id IN (
             SELECT id
               FROM authenticators
              WHERE status = 'pending' AND expires_at <= $1
              LIMIT $2
                FOR UPDATE SKIP LOCKED
           )
    RETURNING id`,
}

/** Deletes up to `limit` authenticators, of any account, that expired before they were confirmed. Returns how many. */
export const deleteExpiredEnrollments = async (
  deps: { postgres: Sql },
  now: Date,
  limit: number,
): Promise<number> => (await deps.postgres.query(DELETE_EXPIRED, [now, limit])).length

const LIMIT_PENDING = {
  name: 'limit_pending_authenticators',
  text: `
    DELETE FROM authenticators
     WHERE id IN (
             SELECT id
               FROM authenticators
              WHERE account_id = $1 AND status = 'pending'
              ORDER BY created_at DESC, id DESC
             OFFSET $2
           )`,
}

/** Deletes what the account has begun, except for the newest `keep`. */
export const limitPending = async (
  deps: { postgres: Sql },
  accountId: string,
  { keep }: { keep: number },
): Promise<void> => {
  await deps.postgres.query(LIMIT_PENDING, [accountId, keep])
}

const LIST_NAMES = {
  name: 'list_authenticator_names',
  text: `SELECT name FROM authenticators WHERE account_id = $1 AND status <> 'pending'`,
}

/** The names of what the account has enrolled. */
export const listNames = async (deps: { postgres: Sql }, accountId: string): Promise<string[]> =>
  (await deps.postgres.query<{ name: string }>(LIST_NAMES, [accountId])).map(({ name }) => name)

const INSERT_PENDING = {
  name: 'insert_pending_totp',
  text: `
    WITH inserted AS (
      INSERT INTO authenticators (id, account_id, type, name, status, secret_sealed, algorithm, digits,
                                  step_seconds, created_at, expires_at)
      VALUES ($1, $2, 'totp', $3, 'pending', $4, $5, $6, $7, $8, $9)
      RETURNING id
    )
    SELECT record_audit_event($10::jsonb) FROM inserted`,
}

export type PendingTotp = TotpParameters & {
  id: string
  accountId: string
  name: string
  secretSealed: string
  createdAt: Date
  expiresAt: Date
}

export const insertPendingTotp = async (
  deps: { postgres: Sql },
  { id, accountId, name, secretSealed, algorithm, digits, stepSeconds, createdAt, expiresAt }: PendingTotp,
  event: AuditEvent,
): Promise<void> => {
  const values = [id, accountId, name, secretSealed, algorithm, digits, stepSeconds, createdAt, expiresAt]
  await deps.postgres.query(INSERT_PENDING, [...values, JSON.stringify(event)])
}

type TotpRow = Pick<StoredTotp, 'id' | 'algorithm' | 'digits'> & {
  secret_sealed: string
  step_seconds: number
}

const FIND_PENDING = {
  name: 'find_pending_totp',
  text: `
    SELECT id, secret_sealed, algorithm, digits, step_seconds
      FROM authenticators
     WHERE id = $1 AND account_id = $2 AND status = 'pending' AND expires_at > $3`,
}

/** What the account has begun, unsealed; null where there is none by that id, or it is confirmed or expired. */
export const findPendingTotp = async (
  deps: { postgres: Sql; sealer: Sealer },
  accountId: string,
  authenticatorId: string,
  now: Date,
): Promise<TotpAuthenticator | null> => {
  const [row] = await deps.postgres.query<TotpRow>(FIND_PENDING, [authenticatorId, accountId, now])
  if (!row) return null
  const { secret_sealed: secretSealed, step_seconds: stepSeconds, ...totp } = row
  return openTotp({ ...totp, secretSealed, stepSeconds }, accountId, deps.sealer)
}

// The time step that confirmed it is burned with it: the same code does not sign in as well (RFC 6238 5.2).
const ACTIVATE = {
  name: 'activate_authenticator',
  text: `
    WITH activated AS (
      UPDATE authenticators
         SET status = 'active', expires_at = NULL, confirmed_at = $4, last_used_at = $4, last_time_step = $3
       WHERE id = $1 AND account_id = $2 AND status = 'pending' AND expires_at > $4
      RETURNING ${AUTHENTICATOR_COLUMNS}
    )
    SELECT activated.*, record_audit_event($5::jsonb) FROM activated`,
}

/** Makes a pending authenticator active and records `event`; null where it is no longer pending. */
export const activateAuthenticator = async (
  deps: { postgres: ChangingSql },
  {
    accountId,
    authenticatorId,
    timeStep,
    now,
  }: {
    accountId: string
    authenticatorId: string
    timeStep: number
    now: Date
  },
  event: AuditEvent,
): Promise<Authenticator | null> => {
  const values = [authenticatorId, accountId, timeStep, now, JSON.stringify(event)]
  const [row] = await deps.postgres.query<AuthenticatorRow>(ACTIVATE, values)
  return row ? toAuthenticator(row) : null
}
