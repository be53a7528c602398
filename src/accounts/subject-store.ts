// Clients' external subjects in PostgreSQL: accounts that a client names, and reports of.
import type { AuditEvent } from '../audit/event.ts'
import type { Sql } from '../postgres/pool.ts'
import { nameKey } from './account.ts'
import type { ChangingSql } from './change-under-version.ts'

const FIND_SUBJECT = {
  name: 'find_subject',
  text: `
    SELECT asked.n, a.id
      FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (client_id, subject, n)
      JOIN accounts AS a ON a.client_id = asked.client_id AND a.subject = asked.subject`,
}

/** What a client reports of its external subject; what it leaves out stays as it is. */
export type Subject = {
  subject: string
  email?: string | undefined
  displayName?: string | undefined
  roles?: string[] | undefined
}

/** The id of a client's external subject. */
export const findSubjectId = async (
  deps: { postgres: Sql },
  clientId: string,
  subject: string,
): Promise<string | null> => {
  const [row] = await deps.postgres.collect<{ id: string }>(FIND_SUBJECT, [clientId, subject])
  return row?.id ?? null
}

const INSERT_SUBJECT = {
  name: 'insert_subject',
  text: `
    WITH inserted AS (
      INSERT INTO accounts AS a (id, client_id, subject, email, email_key, display_name, roles, created_at, updated_at)
      VALUES ($1, $2, $3, $4, $5, $6, COALESCE($7, '{}'::text[]), $8, $8)
          ON CONFLICT (client_id, subject) DO NOTHING
      RETURNING a.id
    )
    SELECT record_audit_event($9::jsonb) FROM inserted`,
}

const toValues = ({ email, displayName, roles }: Subject, now: Date): unknown[] => [
  email ?? null,
  email === undefined ? null : nameKey(email),
  displayName ?? null,
  roles ?? null,
  now,
]

/** Creates a client's external subject and records `event`; false where it is known by now. */
export const insertSubject = async (
  deps: { postgres: Sql },
  { id, clientId, now }: { id: string; clientId: string; now: Date },
  said: Subject,
  event: AuditEvent,
): Promise<boolean> => {
  const values = [id, clientId, said.subject, ...toValues(said, now), JSON.stringify(event)]
  return (await deps.postgres.query(INSERT_SUBJECT, values)).length === 1
}

const UPDATE_SUBJECT = {
  name: 'update_subject',
  text: `
    WITH updated AS (
      UPDATE accounts AS a
         SET email = COALESCE($2, a.email),
             email_key = COALESCE($3, a.email_key),
             display_name = COALESCE($4, a.display_name),
             roles = COALESCE($5, a.roles),
             updated_at = $6
       WHERE a.id = $1
      RETURNING a.id
    )
    SELECT record_audit_event($7::jsonb) FROM updated`,
}

/** Changes a client's external subject and records `event`; false where it is gone. */
export const updateSubject = async (
  deps: { postgres: ChangingSql },
  accountId: string,
  { said, now }: { said: Subject; now: Date },
  event: AuditEvent,
): Promise<boolean> => {
  const values = [accountId, ...toValues(said, now), JSON.stringify(event)]
  return (await deps.postgres.query(UPDATE_SUBJECT, values)).length === 1
}
