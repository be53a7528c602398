// Accounts in PostgreSQL, as administrators and the command line change them. `details-store.ts` reads one account,
// `search-store.ts` lists them.
import type { AuditEvent } from '../audit/event.ts'
import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'
import { violates } from '../postgres/sql-state.ts'
import { type AccountStatus, ADMINISTRATOR_ROLE, nameKey } from './account.ts'
import type { ChangingPostgres } from './change-under-version.ts'
import type { ClaimChanges } from './claims.ts'

/** A new account of Postern's own. */
export type NewAccount = {
  id: string
  username: string
  passwordHash: string | null
  /** False also where nobody knows. */
  passwordIsLong: boolean
  email: string | null
  displayName: string | null
  roles: string[]
  claims: ClaimChanges
  createdAt: Date
}

const INSERT_ACCOUNT = {
  name: 'insert_account',
  text: `
    WITH inserted AS (
      INSERT INTO accounts (id, username, username_key, password_hash, email, email_key, display_name, roles,
                            claims, created_at, updated_at, password_changed_at, long_password_changed_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, jsonb_strip_nulls($12::jsonb), $9::timestamptz, $9::timestamptz,
              CASE WHEN $4::text IS NOT NULL THEN $9::timestamptz END,
              CASE WHEN $10::boolean THEN $9::timestamptz END)
      RETURNING id
    )
    SELECT record_audit_event($11::jsonb) FROM inserted`,
}

/** @throws {AuthError} as `changeAccountRow`. */
export const insertAccount = async (
  deps: { postgres: Sql },
  account: NewAccount,
  event: AuditEvent,
): Promise<void> => {
  const { id, username, passwordHash, passwordIsLong, email, displayName, roles, claims, createdAt } = account
  const emailKey = email === null ? null : nameKey(email)
  const values = [
    id,
    username,
    nameKey(username),
    passwordHash,
    email,
    emailKey,
    displayName,
    roles,
    createdAt,
    passwordIsLong,
    JSON.stringify(event),
    JSON.stringify(claims),
  ]
  try {
    await deps.postgres.query(INSERT_ACCOUNT, values)
  } catch (error) {
    throw toRefusal(error)
  }
}

const toRefusal = (error: unknown): unknown => {
  if (violates(error, 'accounts_username'))
    return new AuthError('conflict', 'The user name is taken.', { fields: ['username'] })
  if (violates(error, 'accounts_email'))
    return new AuthError('conflict', 'The email address is taken.', { fields: ['email'] })
  if (violates(error, 'accounts_username_is_email')) {
    const fields = ['username', 'email']
    return new AuthError('invalid_request', "A user name with an @ has to be the account's email address.", {
      fields,
    })
  }
  return error
}

const ANY_OWN_ACCOUNT = {
  name: 'any_own_account',
  text: 'SELECT EXISTS (SELECT 1 FROM accounts WHERE client_id IS NULL) AS found',
}

/** True once Postern has an account of its own. */
export const hasOwnAccounts = async (deps: { postgres: Sql }): Promise<boolean> => {
  const [row] = await deps.postgres.query<{ found: boolean }>(ANY_OWN_ACCOUNT)
  return row?.found === true
}

const administers = (alias: string): string =>
  `(${alias}.client_id IS NULL AND ${alias}.status = 'active' AND '${ADMINISTRATOR_ROLE}' = ANY (${alias}.roles))`

const ANOTHER_ADMINISTRATES = `EXISTS (SELECT 1 FROM accounts AS o WHERE o.id <> a.id AND ${administers('o')})`

// One administrator always stays. Two administrators who demote each other at once would each still see the other, so
// these statements run one after the other.
const LOCK_ADMINISTRATORS = {
  name: 'lock_administrators',
  text: 'SELECT pg_advisory_xact_lock(7305612490120)',
}

// The claims that an account keeps: an address that changes is not verified any more.
const KEPT_CLAIMS = `a.claims
                 - CASE WHEN $2::jsonb ? 'email_key' AND $2::jsonb ->> 'email_key' IS DISTINCT FROM a.email_key
                        THEN 'email_verified' ELSE '' END
                 - CASE WHEN $2::jsonb -> 'claims' ? 'phone_number'
                             AND $2::jsonb -> 'claims' ->> 'phone_number' IS DISTINCT FROM a.claims ->> 'phone_number'
                        THEN 'phone_number_verified' ELSE '' END`

// `$2` holds the columns that change; the others keep what the row has. Of the claims, those that are named change.
const CHANGE_ACCOUNT = {
  name: 'change_account',
  text: `
    WITH changed AS (
      UPDATE accounts AS a
         SET (username, username_key, email, email_key, display_name, roles, status, claims, updated_at) = (
               SELECT n.username, n.username_key, n.email, n.email_key, n.display_name, n.roles, n.status,
                      jsonb_strip_nulls((${KEPT_CLAIMS}) || COALESCE($2::jsonb -> 'claims', '{}')), $3::timestamptz
                 FROM jsonb_populate_record(a, $2::jsonb) AS n)
       WHERE a.id = $1
         AND (NOT ${administers('a')}
              OR (COALESCE($2::jsonb ->> 'status', 'active') = 'active'
                  AND COALESCE($2::jsonb -> 'roles' ? '${ADMINISTRATOR_ROLE}', true))
              OR ${ANOTHER_ADMINISTRATES})
      RETURNING a.id
    )
    SELECT record_audit_event($4::jsonb) FROM changed`,
}

/** What of an account to change; what is left out stays. */
export type AccountChanges = {
  username?: string
  email?: string | null
  displayName?: string | null
  roles?: string[]
  status?: AccountStatus
  claims?: ClaimChanges
}

const decidesWhoAdministers = ({ roles, status }: AccountChanges): boolean =>
  roles !== undefined || status !== undefined

const toColumns = ({ displayName, ...changes }: AccountChanges): object => ({
  ...changes,
  ...(displayName !== undefined && { display_name: displayName }),
  ...(changes.username !== undefined && { username_key: nameKey(changes.username) }),
  ...(changes.email !== undefined && { email_key: changes.email === null ? null : nameKey(changes.email) }),
})

/**
 * Changes an account and records `event`; false if it is the last active administrator and would be none after,
 * or is gone.
 * @throws {AuthError} conflict, where the user name or the email address is taken; invalid_request, where the
 *   user name has an @ and is not the email address.
 */
export const changeAccountRow = async (
  deps: { postgres: ChangingPostgres },
  change: { accountId: string; changes: AccountChanges; now: Date },
  event: AuditEvent,
): Promise<boolean> => {
  const columns = JSON.stringify(toColumns(change.changes))
  try {
    return await deps.postgres.transaction(async (sql) => {
      if (decidesWhoAdministers(change.changes)) await sql.query(LOCK_ADMINISTRATORS)
      const values = [change.accountId, columns, change.now, JSON.stringify(event)]
      return (await sql.query(CHANGE_ACCOUNT, values)).length === 1
    })
  } catch (error) {
    throw toRefusal(error)
  }
}

const DELETE_ACCOUNT = {
  name: 'delete_account',
  text: `
    WITH deleted AS (
      DELETE FROM accounts AS a
       WHERE a.id = $1 AND (NOT ${administers('a')} OR ${ANOTHER_ADMINISTRATES})
      RETURNING a.id
    )
    SELECT record_audit_event($2::jsonb) FROM deleted`,
}

/** Deletes an account with everything it owns; false if it is the last active administrator, or is gone. */
export const deleteAccountRow = (
  deps: { postgres: ChangingPostgres },
  accountId: string,
  event: AuditEvent,
): Promise<boolean> =>
  deps.postgres.transaction(async (sql) => {
    await sql.query(LOCK_ADMINISTRATORS)
    return (await sql.query(DELETE_ACCOUNT, [accountId, JSON.stringify(event)])).length === 1
  })
