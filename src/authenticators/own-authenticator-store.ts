// An account's authenticators in PostgreSQL, as it lists, renames and removes them.
import type { ChangingSql } from '../accounts/change-under-version.ts'
import type { AuditEvent } from '../audit/event.ts'
import type { Sql } from '../postgres/pool.ts'
import {
  AUTHENTICATOR_COLUMNS,
  type Authenticator,
  type AuthenticatorRow,
  toAuthenticator,
} from './authenticator.ts'

const LIST = {
  name: 'list_authenticators',
  text: `
    SELECT ${AUTHENTICATOR_COLUMNS}
      FROM authenticators
     WHERE account_id = $1 AND (status <> 'pending' OR expires_at > $2)
     ORDER BY created_at, id`,
}

/** Oldest first, without those that expired before they were confirmed. */
export const findAuthenticators = async (
  deps: { postgres: Sql },
  accountId: string,
  now: Date,
): Promise<Authenticator[]> =>
  (await deps.postgres.query<AuthenticatorRow>(LIST, [accountId, now])).map(toAuthenticator)

/** Which authenticator of which account; `statuses` are those it may be changed in. */
export type OwnAuthenticator = {
  accountId: string
  authenticatorId: string
  statuses: readonly Authenticator['status'][]
}

const RENAME = {
  name: 'rename_authenticator',
  text: `
    WITH renamed AS (
      UPDATE authenticators
         SET name = $4
       WHERE id = $1 AND account_id = $2 AND status = ANY ($3) AND (status <> 'pending' OR expires_at > $5)
      RETURNING ${AUTHENTICATOR_COLUMNS}
    )
    SELECT renamed.*, record_audit_event($6::jsonb) FROM renamed`,
}

/** Renames one and records `event`; null where there is none. */
export const saveAuthenticatorName = async (
  deps: { postgres: Sql },
  { accountId, authenticatorId, statuses }: OwnAuthenticator,
  { name, now }: { name: string; now: Date },
  event: AuditEvent,
): Promise<Authenticator | null> => {
  const values = [authenticatorId, accountId, statuses, name, now, JSON.stringify(event)]
  const [row] = await deps.postgres.query<AuthenticatorRow>(RENAME, values)
  return row ? toAuthenticator(row) : null
}

const DELETE = {
  name: 'delete_authenticator',
  text: `
    WITH deleted AS (
      DELETE FROM authenticators
       WHERE id = $1 AND account_id = $2 AND status = ANY ($3)
      RETURNING ${AUTHENTICATOR_COLUMNS}
    )
    SELECT deleted.*, record_audit_event($4::jsonb) FROM deleted`,
}

/** Deletes one and records `event`; null where there is none. */
export const deleteAuthenticator = async (
  deps: { postgres: ChangingSql },
  { accountId, authenticatorId, statuses }: OwnAuthenticator,
  event: AuditEvent,
): Promise<Authenticator | null> => {
  const values = [authenticatorId, accountId, statuses, JSON.stringify(event)]
  const [row] = await deps.postgres.query<AuthenticatorRow>(DELETE, values)
  return row ? toAuthenticator(row) : null
}

const COUNT_ACTIVE = {
  name: 'count_active_authenticators',
  text: `SELECT count(*) AS active FROM authenticators WHERE account_id = $1 AND status = 'active'`,
}

/** How many can be signed in with. */
export const countActive = async (deps: { postgres: Sql }, accountId: string): Promise<number> => {
  const [row] = await deps.postgres.query<{ active: number }>(COUNT_ACTIVE, [accountId])
  return row?.active ?? 0
}
