// Accounts in PostgreSQL, as signing in needs them. What administrators change of them: `changes-store.ts`;
// clients' external subjects: `subject-store.ts`.
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
import { ASKED_ACCOUNTS, asked, type Locking, noteSignIn, PASSWORD_COLUMNS } from './account-sql.ts'

const FIND_ACCOUNT = {
  name: 'find_account',
  text: `
    SELECT asked.n, ${ACCOUNT_COLUMNS}
      FROM ${ASKED_ACCOUNTS}`,
}

export const findAccount = async (deps: { postgres: Sql }, accountId: string): Promise<Account | null> => {
  const [row] = await deps.postgres.collect<AccountRow>(FIND_ACCOUNT, [accountId])
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

const ASKED = `
    WITH ${asked('roles text[], enrolled int, password_hash text, signed_in_at timestamptz, event jsonb')}`

// docs/security.md 39: this was read before a hash and a decision; it is a condition, because it may have changed.
const AS_DECIDED = `a.id = asked.id
         AND a.status = 'active'
         AND a.roles = asked.roles
         AND a.enrolled_authenticators = asked.enrolled
         AND (asked.password_hash IS NULL OR a.password_hash = asked.password_hash)`

const asDecided = (
  { account, passwordHash }: Decided,
  signedInAt: Date | null,
  event: AuditEvent,
): unknown[] => {
  const { id, roles, enrolledAuthenticators: enrolled } = account
  return [id, { roles, enrolled, password_hash: passwordHash, signed_in_at: signedInAt, event }]
}

const signIn = (locking: Locking): string => `${ASKED}, owner AS (
      SELECT asked.*
        FROM asked
        JOIN accounts AS a ON ${AS_DECIDED}
         FOR NO KEY UPDATE OF a ${locking}
    ), signed_in AS (
      ${noteSignIn('owner.signed_in_at')}
        FROM owner
       WHERE a.id = owner.id
      RETURNING owner.n, owner.event
    )
    SELECT n, record_audit_event(event) FROM signed_in`

const RECORD_SIGN_IN = { name: 'record_sign_in', json: 1, text: signIn('SKIP LOCKED'), alone: signIn('') }

/** Notes a sign-in and records `event`; false if the account is no longer what the sign-in was decided from. */
export const recordSignIn = async (
  deps: { postgres: Sql },
  decided: Decided,
  now: Date,
  event: AuditEvent,
): Promise<boolean> =>
  (await deps.postgres.collect(RECORD_SIGN_IN, asDecided(decided, now, event))).length === 1

// The lock waits for a change that is about to be committed: such a change ends sessions before it commits.
const firstFactor = (locking: Locking): string => `${ASKED}, decided AS (
      SELECT asked.n, asked.event
        FROM asked
        JOIN accounts AS a ON ${AS_DECIDED}
         FOR SHARE OF a ${locking}
    )
    SELECT n, record_audit_event(event) FROM decided`

const RECORD_FIRST_FACTOR = {
  name: 'record_first_factor',
  json: 1,
  text: firstFactor('SKIP LOCKED'),
  alone: firstFactor(''),
}

/** Records `event` of a sign-in that goes on with a second factor; false as `recordSignIn`. */
export const recordFirstFactor = async (
  deps: { postgres: Sql },
  decided: Decided,
  event: AuditEvent,
): Promise<boolean> =>
  (await deps.postgres.collect(RECORD_FIRST_FACTOR, asDecided(decided, null, event))).length === 1
