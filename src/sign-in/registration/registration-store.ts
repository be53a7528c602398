// Registrations in PostgreSQL until they are confirmed. Each statement writes its mail and its audit event, too.
import type { AuditEvent } from '../../audit/event.ts'
import type { NewMail } from '../../notices/mail.ts'
import type { Sql } from '../../postgres/pool.ts'

export type StoredRegistration = { id: string; sealed: string }

const ADD_REGISTRATION = {
  name: 'add_registration',
  text: `
    WITH added AS (
      INSERT INTO registrations (id, token_hash, sealed, created_at, expires_at)
      VALUES ($1, $2, $3, $4, $5)
    )
    SELECT queue_mail($6::jsonb), record_audit_event($7::jsonb)`,
}

export const addRegistration = async (
  deps: { postgres: Sql },
  registration: StoredRegistration & { tokenHash: string; createdAt: Date; expiresAt: Date },
  mail: NewMail,
  event: AuditEvent,
): Promise<void> => {
  const { id, tokenHash, sealed, createdAt, expiresAt } = registration
  const values = [id, tokenHash, sealed, createdAt, expiresAt, JSON.stringify(mail), JSON.stringify(event)]
  await deps.postgres.query(ADD_REGISTRATION, values)
}

const FIND_REGISTRATION = {
  name: 'find_registration',
  text: `
    SELECT id, sealed
      FROM registrations
     WHERE id = $1 AND expires_at > $2`,
}

export const findRegistration = async (
  deps: { postgres: Sql },
  id: string,
  now: Date,
): Promise<StoredRegistration | null> => {
  const [row] = await deps.postgres.query<StoredRegistration>(FIND_REGISTRATION, [id, now])
  return row ?? null
}

const FIND_BY_TOKEN = {
  name: 'find_registration_by_token',
  text: `
    SELECT id, sealed
      FROM registrations
     WHERE token_hash = $1 AND expires_at > $2`,
}

export const findRegistrationByToken = async (
  deps: { postgres: Sql },
  tokenHash: string,
  now: Date,
): Promise<StoredRegistration | null> => {
  const [row] = await deps.postgres.query<StoredRegistration>(FIND_BY_TOKEN, [tokenHash, now])
  return row ?? null
}

// Counted before the code is compared (docs/security.md 5).
const TAKE_CODE_ATTEMPT = {
  name: 'take_registration_attempt',
  text: `
    UPDATE registrations
       SET code_attempts = code_attempts + 1
     WHERE id = $1 AND expires_at > $2 AND code_attempts < $3
    RETURNING id, sealed, code_attempts AS attempts`,
}

/** Null where it has ended, or where its code was tried too often. */
export const takeCodeAttempt = async (
  deps: { postgres: Sql },
  { id, limit, now }: { id: string; limit: number; now: Date },
): Promise<(StoredRegistration & { attempts: number }) | null> => {
  const values = [id, now, limit]
  const rows = await deps.postgres.query<StoredRegistration & { attempts: number }>(TAKE_CODE_ATTEMPT, values)
  return rows[0] ?? null
}

const SEND_AGAIN = {
  name: 'send_registration_again',
  text: `
    WITH counted AS (
      UPDATE registrations
         SET mails_sent = mails_sent + 1
       WHERE id = $1 AND expires_at > $2 AND mails_sent < $3
      RETURNING id
    )
    SELECT queue_mail($4::jsonb) FROM counted`,
}

/** Writes the mail of a registration once more; false where it has ended, or has had its share. */
export const sendAgain = async (
  deps: { postgres: Sql },
  { id, limit, now }: { id: string; limit: number; now: Date },
  mail: NewMail,
): Promise<boolean> =>
  (await deps.postgres.query(SEND_AGAIN, [id, now, limit, JSON.stringify(mail)])).length === 1

const CLAIM_REGISTRATION = {
  name: 'claim_registration',
  text: `
    WITH claimed AS (
      DELETE FROM registrations WHERE id = $1 AND expires_at > $2 RETURNING id
    )
    SELECT record_audit_event($3::jsonb) FROM claimed`,
}

/** Exactly one caller gets it, and it is gone; within the transaction that makes its account. */
export const claimRegistration = async (
  deps: { postgres: Sql },
  { id, now }: { id: string; now: Date },
  event: AuditEvent,
): Promise<boolean> =>
  (await deps.postgres.query(CLAIM_REGISTRATION, [id, now, JSON.stringify(event)])).length === 1

const DELETE_EXPIRED = {
  name: 'delete_expired_registrations',
  text: `
    DELETE FROM registrations
     WHERE id IN (SELECT id FROM registrations WHERE expires_at <= $1 LIMIT $2)
    RETURNING id`,
}

/** Deletes what has expired, at most `limit`; returns how many. */
export const deleteExpiredRegistrations = async (
  deps: { postgres: Sql },
  now: Date,
  limit: number,
): Promise<number> => (await deps.postgres.query(DELETE_EXPIRED, [now, limit])).length
