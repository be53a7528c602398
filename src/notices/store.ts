// Logout notices in PostgreSQL: the outbox. No statement holds a lock while a client is asked.
import type { AuditEvent } from '../audit/event.ts'
import type { Sql } from '../postgres/pool.ts'
import type { LeasedNotice, NewNotice, NoticeStatus } from './notice.ts'

const IS_PENDING = 'delivered_at IS NULL AND failed_at IS NULL'

// A client that is gone has nothing to be told; it is locked against being deleted meanwhile.
const ADD_NOTICES = {
  name: 'add_logout_notices',
  text: `
    WITH wanted AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset($1::jsonb) AS w ("id" uuid, "clientId" text, "accountId" uuid, "sid" uuid)
    ), known AS MATERIALIZED (
      SELECT client_id FROM clients WHERE client_id IN (SELECT "clientId" FROM wanted) FOR KEY SHARE
    )
    INSERT INTO logout_notices AS n (id, client_id, account_id, sid, created_at, next_attempt_at)
    SELECT w.id, w."clientId", w."accountId", w.sid, $2, $3
      FROM wanted AS w
      JOIN known ON known.client_id = w."clientId"
     ORDER BY w.id
        ON CONFLICT (client_id, sid) WHERE ${IS_PENDING} DO UPDATE
       SET next_attempt_at = LEAST(n.next_attempt_at, excluded.next_attempt_at)
     WHERE n.attempts = 0`,
}

/**
 * Writes notices, to be sent from `sendFrom` on. A client that has not been told of the end of that session yet is told
 * once, at the earlier of the two times.
 */
export const addNotices = async (
  deps: { postgres: Sql },
  notices: readonly NewNotice[],
  { now, sendFrom }: { now: Date; sendFrom: Date },
): Promise<void> => {
  await deps.postgres.query(ADD_NOTICES, [JSON.stringify(notices), now, sendFrom])
}

const WITHDRAW_NOTICES = {
  name: 'withdraw_logout_notices',
  text: `
    DELETE FROM logout_notices
     WHERE id = ANY ($1) AND attempts = 0 AND ${IS_PENDING}`,
}

/** Takes notices back that nobody has begun to send: their sessions have not ended after all. */
export const withdrawNotices = async (deps: { postgres: Sql }, ids: readonly string[]): Promise<void> => {
  await deps.postgres.query(WITHDRAW_NOTICES, [ids])
}

type LeasedRow = {
  id: string
  client_id: string
  account_id: string
  sid: string
  created_at: Date
  attempts: number
}

// Of each client the first that is pending, so that its notices are sent one after the other, in their order. Who is
// answered a notice has it until $2, and any number of replicas may ask.
/**
 * Decision: a client is sent its notices in order, until one has failed so often: one session whose end a client cannot
 * handle must not keep all others from being ended there, for up to a day.
 */
const HOLDS_BACK_ATTEMPTS = 5

const LEASE_NOTICES = {
  name: 'lease_logout_notices',
  text: `
    UPDATE logout_notices
       SET leased_until = $2, attempts = attempts + 1
     WHERE id IN (
       SELECT n.id
         FROM logout_notices AS n
        WHERE n.delivered_at IS NULL AND n.failed_at IS NULL
          AND n.next_attempt_at <= $1
          AND (n.leased_until IS NULL OR n.leased_until <= $1)
          AND NOT EXISTS (
            SELECT FROM logout_notices AS before
             WHERE before.delivered_at IS NULL AND before.failed_at IS NULL
               AND before.client_id = n.client_id AND before.position < n.position
               AND (before.attempts < ${HOLDS_BACK_ATTEMPTS} OR before.leased_until > $1)
          )
        ORDER BY n.next_attempt_at
        LIMIT $3
          FOR UPDATE SKIP LOCKED
     )
    RETURNING id, client_id, account_id, sid, created_at, attempts`,
}

/** Notices that are due, at most one of each client and `limit` in all: nobody else gets them before `leasedUntil`. */
export const leaseNotices = async (
  deps: { postgres: Sql },
  lease: { now: Date; leasedUntil: Date; limit: number },
): Promise<LeasedNotice[]> => {
  const values = [lease.now, lease.leasedUntil, lease.limit]
  const rows = await deps.postgres.query<LeasedRow>(LEASE_NOTICES, values)
  return rows.map((row) => ({
    id: row.id,
    clientId: row.client_id,
    accountId: row.account_id,
    sid: row.sid,
    createdAt: row.created_at,
    attempts: row.attempts,
  }))
}

const SETTLE_NOTICE = {
  name: 'settle_logout_notice',
  text: `
    WITH settled AS (
      UPDATE logout_notices
         SET delivered_at = CASE WHEN $2::text IS NULL THEN $3::timestamptz END,
             failed_at = CASE WHEN $2::text IS NOT NULL THEN $3::timestamptz END,
             last_error = $2,
             leased_until = NULL
       WHERE id = $1 AND ${IS_PENDING}
      RETURNING id
    )
    SELECT record_audit_event($4::jsonb) FROM settled`,
}

/** A notice is delivered (`error` null), or given up. */
export const settleNotice = async (
  deps: { postgres: Sql },
  { id, error, now }: { id: string; error: string | null; now: Date },
  event: AuditEvent,
): Promise<void> => {
  await deps.postgres.query(SETTLE_NOTICE, [id, error, now, JSON.stringify(event)])
}

const POSTPONE_NOTICE = {
  name: 'postpone_logout_notice',
  text: `
    UPDATE logout_notices
       SET next_attempt_at = $2, last_error = $3, leased_until = NULL
     WHERE id = $1 AND ${IS_PENDING}`,
}

/** A notice is sent again at `nextAttemptAt`. */
export const postponeNotice = async (
  deps: { postgres: Sql },
  { id, nextAttemptAt, error }: { id: string; nextAttemptAt: Date; error: string },
): Promise<void> => {
  await deps.postgres.query(POSTPONE_NOTICE, [id, nextAttemptAt, error])
}

/** As administrators see it. */
export type ListedNotice = NewNotice & {
  createdAt: Date
  nextAttemptAt: Date
  attempts: number
  lastError: string | null
  deliveredAt: Date | null
  failedAt: Date | null
}

type ListedRow = LeasedRow & {
  next_attempt_at: Date
  last_error: string | null
  delivered_at: Date | null
  failed_at: Date | null
}

// Without a name, it is planned for its values, so that each filter uses its index.
const LIST_NOTICES = {
  text: `
    SELECT id, client_id, account_id, sid, created_at, next_attempt_at, attempts, last_error, delivered_at, failed_at
      FROM logout_notices
     WHERE ($1::text IS NULL OR client_id = $1)
       AND ($2::text IS NULL
            OR $2 = 'pending' AND ${IS_PENDING}
            OR $2 = 'delivered' AND delivered_at IS NOT NULL
            OR $2 = 'failed' AND failed_at IS NOT NULL)
       AND ($3::uuid IS NULL OR id < $3)
     ORDER BY id DESC
     LIMIT $4`,
}

/** Notices, the newest first, from before `beforeId`. */
export const findNotices = async (
  deps: { postgres: Sql },
  filter: { clientId: string | null; status: NoticeStatus | null },
  page: { beforeId: string | null; limit: number },
): Promise<ListedNotice[]> => {
  const values = [filter.clientId, filter.status, page.beforeId, page.limit]
  const rows = await deps.postgres.query<ListedRow>(LIST_NOTICES, values)
  return rows.map((row) => ({
    id: row.id,
    clientId: row.client_id,
    accountId: row.account_id,
    sid: row.sid,
    createdAt: row.created_at,
    nextAttemptAt: row.next_attempt_at,
    attempts: row.attempts,
    lastError: row.last_error,
    deliveredAt: row.delivered_at,
    failedAt: row.failed_at,
  }))
}

const COUNT_PENDING = {
  name: 'count_pending_logout_notices',
  text: `
    SELECT count(*) AS pending, min(created_at) AS oldest
      FROM logout_notices
     WHERE ${IS_PENDING}`,
}

/** How many are still to be delivered, and since when the oldest of them is; null where there is none. */
export const countPendingNotices = async (deps: {
  postgres: Sql
}): Promise<{ pending: number; oldest: Date | null }> => {
  const [row] = await deps.postgres.query<{ pending: number; oldest: Date | null }>(COUNT_PENDING)
  return row ?? { pending: 0, oldest: null }
}

const DELETE_SETTLED = {
  name: 'delete_settled_logout_notices',
  text: `
    DELETE FROM logout_notices
     WHERE id IN (
       SELECT id
         FROM logout_notices
        WHERE (delivered_at IS NOT NULL OR failed_at IS NOT NULL)
          AND COALESCE(delivered_at, failed_at) < $1
        LIMIT $2
     )
    RETURNING id`,
}

/** Deletes notices that were settled before `before`, at most `limit`. Returns how many; the audit events stay. */
export const deleteSettledNotices = async (
  deps: { postgres: Sql },
  before: Date,
  limit: number,
): Promise<number> => (await deps.postgres.query(DELETE_SETTLED, [before, limit])).length
