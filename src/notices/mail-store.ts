// Mail in PostgreSQL until it is sent: the outbox. It is written by `queue_mail`, in the statement of what it is about.
import type { AuditEvent } from '../audit/event.ts'
import type { Sql } from '../postgres/pool.ts'
import type { LeasedMail } from './mail.ts'

type LeasedRow = {
  id: string
  kind: string
  account_id: string | null
  sealed: string
  created_at: Date
  attempts: number
}

const LEASE_MAILS = {
  name: 'lease_mails',
  text: `
    UPDATE mails
       SET leased_until = $2, attempts = attempts + 1
     WHERE id IN (
       SELECT id
         FROM mails
        WHERE next_attempt_at <= $1
          AND (leased_until IS NULL OR leased_until <= $1)
        ORDER BY next_attempt_at
        LIMIT $3
          FOR UPDATE SKIP LOCKED
     )
    RETURNING id, kind, account_id, sealed, created_at, attempts`,
}

/** Mail that is due, at most `limit`: nobody else gets it before `leasedUntil`. */
export const leaseMails = async (
  deps: { postgres: Sql },
  lease: { now: Date; leasedUntil: Date; limit: number },
): Promise<LeasedMail[]> => {
  const values = [lease.now, lease.leasedUntil, lease.limit]
  const rows = await deps.postgres.query<LeasedRow>(LEASE_MAILS, values)
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    accountId: row.account_id,
    sealed: row.sealed,
    createdAt: row.created_at,
    attempts: row.attempts,
  }))
}

const SETTLE_MAIL = {
  name: 'settle_mail',
  text: `
    WITH settled AS (
      DELETE FROM mails WHERE id = $1 RETURNING id
    )
    SELECT record_audit_event($2::jsonb) FROM settled`,
}

/** A mail is sent or given up: it is deleted, and `event` says which. */
export const settleMail = async (deps: { postgres: Sql }, id: string, event: AuditEvent): Promise<void> => {
  await deps.postgres.query(SETTLE_MAIL, [id, JSON.stringify(event)])
}

const POSTPONE_MAIL = {
  name: 'postpone_mail',
  text: `
    UPDATE mails
       SET next_attempt_at = $2, last_error = $3, leased_until = NULL
     WHERE id = $1`,
}

/** A mail is sent again at `nextAttemptAt`. */
export const postponeMail = async (
  deps: { postgres: Sql },
  { id, nextAttemptAt, error }: { id: string; nextAttemptAt: Date; error: string },
): Promise<void> => {
  await deps.postgres.query(POSTPONE_MAIL, [id, nextAttemptAt, error])
}
