// Accounts in PostgreSQL, as signing in needs them. What administrators change of them: `changes-store.ts`.
import type { AuditEvent } from '../audit/event.ts'
import type { Sql } from '../postgres/pool.ts'

import {
  ACCOUNT_COLUMNS,
  type Account,
  type AccountRow,
  type AccountWithPassword,
  nameKey,
  type PasswordRow,
  toAccount,
  toAccountWithPassword,
} from './account.ts'
import { noteSignIn, PASSWORD_COLUMNS } from './account-sql.ts'

const FIND_ACCOUNT = {
  name: 'find_account',
  text: `SELECT ${ACCOUNT_COLUMNS} FROM accounts AS a WHERE a.id = $1`,
}

export const findAccount = async (deps: { postgres: Sql }, accountId: string): Promise<Account | null> => {
  const [row] = await deps.postgres.query<AccountRow>(FIND_ACCOUNT, [accountId])
  return row ? toAccount(row) : null
}

const FIND_BY_NAME = {
  name: 'find_account_by_name',
  text: `
    SELECT ${PASSWORD_COLUMNS}
      FROM accounts AS a
     WHERE a.client_id IS NULL AND (a.username_key = $1 OR a.email_key = $1)
     ORDER BY a.username_key = $1 DESC
     LIMIT 1`,
}

/** Postern's own account by user name, else by email address, with its password hash. */
export const findAccountByName = async (
  deps: { postgres: Sql },
  name: string,
): Promise<AccountWithPassword | null> => {
  const [row] = await deps.postgres.query<PasswordRow>(FIND_BY_NAME, [nameKey(name)])
  return row ? toAccountWithPassword(row) : null
}

/** What a sign-in was decided from. `passwordHash` is null where no password of Postern's was asked for. */
export type Decided = { account: Account; passwordHash: string | null }

// docs/security.md 39: this was read before a hash and a decision; it is a condition, because it may have changed.
const AS_DECIDED = `a.id = $1
         AND a.status = 'active'
         AND a.roles = $2
         AND a.enrolled_authenticators = $3
         AND ($4::text IS NULL OR a.password_hash = $4)`

const asDecided = ({ account, passwordHash }: Decided): unknown[] => [
  account.id,
  account.roles,
  account.enrolledAuthenticators,
  passwordHash,
]

const RECORD_SIGN_IN = {
  name: 'record_sign_in',
  text: `
    WITH signed_in AS (
      ${noteSignIn('$5')}
       WHERE ${AS_DECIDED}
      RETURNING a.id
    )
    SELECT record_audit_event($6::jsonb) FROM signed_in`,
}

/** Notes a sign-in and records `event`; false if the account is no longer what the sign-in was decided from. */
export const recordSignIn = async (
  deps: { postgres: Sql },
  decided: Decided,
  now: Date,
  event: AuditEvent,
): Promise<boolean> =>
  (await deps.postgres.query(RECORD_SIGN_IN, [...asDecided(decided), now, JSON.stringify(event)])).length ===
  1

// The lock waits for a change that is about to be committed: such a change ends sessions before it commits.
const RECORD_FIRST_FACTOR = {
  name: 'record_first_factor',
  text: `
    WITH decided AS (
      SELECT a.id
        FROM accounts AS a
       WHERE ${AS_DECIDED}
         FOR SHARE
    )
    SELECT record_audit_event($5::jsonb) FROM decided`,
}

/** Records `event` of a sign-in that goes on with a second factor; false as `recordSignIn`. */
export const recordFirstFactor = async (
  deps: { postgres: Sql },
  decided: Decided,
  event: AuditEvent,
): Promise<boolean> =>
  (await deps.postgres.query(RECORD_FIRST_FACTOR, [...asDecided(decided), JSON.stringify(event)])).length ===
  1

const FIND_SUBJECT = {
  name: 'find_subject',
  text: `SELECT ${ACCOUNT_COLUMNS} FROM accounts AS a WHERE a.client_id = $1 AND a.subject = $2`,
}

/** What a client reports of its external subject; what it leaves out stays as it is. */
export type Subject = {
  subject: string
  email?: string | undefined
  displayName?: string | undefined
  roles?: string[] | undefined
}

export const findSubject = async (
  deps: { postgres: Sql },
  clientId: string,
  subject: string,
): Promise<Account | null> => {
  const [row] = await deps.postgres.query<AccountRow>(FIND_SUBJECT, [clientId, subject])
  return row ? toAccount(row) : null
}

// Two first challenges of one subject at once make one account: the second updates what the first inserted.
const SAVE_SUBJECT = {
  name: 'save_subject',
  text: `
    WITH saved AS (
      INSERT INTO accounts AS a (id, client_id, subject, email, email_key, display_name, roles, created_at, updated_at)
      VALUES ($1, $2, $3, $4, $5, $6, COALESCE($7, '{}'::text[]), $8, $8)
          ON CONFLICT (client_id, subject) DO UPDATE
         SET email = COALESCE($4, a.email),
             email_key = COALESCE($5, a.email_key),
             display_name = COALESCE($6, a.display_name),
             roles = COALESCE($7, a.roles),
             updated_at = $8
      RETURNING ${ACCOUNT_COLUMNS}
    )
    SELECT saved.*, record_audit_event($9::jsonb || jsonb_build_object('account_id', saved.id)) FROM saved`,
}

/** Creates or updates a client's external subject; `event` is completed with the account's id. */
export const saveSubject = async (
  deps: { postgres: Sql },
  account: { id: string; clientId: string; now: Date },
  { subject, email, displayName, roles }: Subject,
  event: AuditEvent,
): Promise<Account> => {
  const [row] = await deps.postgres.query<AccountRow>(SAVE_SUBJECT, [
    account.id,
    account.clientId,
    subject,
    email ?? null,
    email === undefined ? null : nameKey(email),
    displayName ?? null,
    roles ?? null,
    account.now,
    JSON.stringify(event),
  ])
  if (!row) throw new Error('saving a subject returned no row')
  return toAccount(row)
}
