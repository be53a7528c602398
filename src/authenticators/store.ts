// Authenticators in PostgreSQL, as an attempt changes them: burned, failed. Recovery codes are in
// `recovery-codes/store.ts`, enrolling is in `enrollment-store.ts`, and what accounts do with their own is in
// `own-authenticator-store.ts`.
import { asked, type Locking, lockedOwners, signedIn } from '../accounts/account-sql.ts'
import type { ChangingSql } from '../accounts/change-under-version.ts'
import type { AuditEvent } from '../audit/event.ts'
import type { Sql } from '../postgres/pool.ts'
import { MAX_CONSECUTIVE_FAILURES } from './authenticator.ts'

// One statement burns the step and records the event: of any number of parallel uses, one gets a row (RFC 6238 5.2).
// The account is locked first, and has to be active: a disabled account is refused.
const burn = (locking: Locking): string => `
    WITH ${asked('time_step bigint, used_at timestamptz, signed_in_at timestamptz, event jsonb')},
    ${lockedOwners('authenticators', locking)}, burned AS (
      UPDATE authenticators AS t
         SET last_time_step = owner.time_step, consecutive_failures = 0, last_used_at = owner.used_at
        FROM owner
       WHERE t.id = owner.id
         AND t.account_id = owner.account_id
         AND t.status = 'active'
         AND t.last_time_step < owner.time_step
      RETURNING owner.*
    ), ${signedIn('burned')}
    SELECT n, record_audit_event(event) FROM burned`

const BURN_TIME_STEP = { name: 'burn_time_step', json: 1, text: burn('SKIP LOCKED'), alone: burn('') }

/**
 * Burns a time step and records `event`; false if it, or a later one, was burned before. `signedInAt` where it
 * also signs the account in.
 */
export const burnTimeStep = async (
  deps: { postgres: Sql },
  step: { authenticatorId: string; timeStep: number; now: Date; signedInAt: Date | null },
  event: AuditEvent,
): Promise<boolean> => {
  const { authenticatorId, timeStep, now, signedInAt } = step
  const burned = { time_step: timeStep, used_at: now, signed_in_at: signedInAt, event }
  return (await deps.postgres.collect(BURN_TIME_STEP, [authenticatorId, burned])).length === 1
}

// A wrong code counts against every authenticator it could have been meant for, in the statement that records the event.
// The account is locked first, whatever its status.
const RECORD_FAILURE = {
  name: 'record_totp_failure',
  text: `
    WITH owner AS (
      SELECT id
        FROM accounts
       WHERE id = $1
         FOR NO KEY UPDATE
    ), failed AS (
      UPDATE authenticators AS t
         SET consecutive_failures = t.consecutive_failures + 1,
             status = CASE WHEN t.consecutive_failures + 1 >= ${MAX_CONSECUTIVE_FAILURES} THEN 'disabled' ELSE t.status END
        FROM owner
       WHERE t.account_id = owner.id AND t.type = 'totp' AND t.status = 'active'
      RETURNING t.id, t.status
    )
    SELECT id, status, NULL::uuid AS event_id FROM failed WHERE status = 'disabled'
    UNION ALL
    SELECT NULL, NULL, record_audit_event($2::jsonb)`,
}

/** Counts a wrong TOTP code and records `event`; the ids of authenticators that this has disabled. */
export const recordTotpFailure = async (
  deps: { postgres: ChangingSql },
  accountId: string,
  event: AuditEvent,
): Promise<string[]> => {
  const rows = await deps.postgres.query<{ id: string | null }>(RECORD_FAILURE, [
    accountId,
    JSON.stringify(event),
  ])
  return rows.flatMap(({ id }) => (id === null ? [] : [id]))
}
