// Every column of sealed values in PostgreSQL, for `key reseal`. A new column is added here.
import type { AuditEvent } from '../../audit/event.ts'
import { BOUND_TO_ACCOUNT } from '../../authenticators/authenticator.ts'
import type { Sql } from '../../postgres/pool.ts'

export type SealedColumn =
  | 'authenticators.secret_sealed'
  | 'signing_keys.private_sealed'
  | 'sealed_secrets.sealed'
  | 'mails.sealed'
  | 'registrations.sealed'

/** `id` names the row within its table, `accountId` its account; the context that binds the value is made of them. */
export type SealedValue = { id: string; accountId: string | null; sealed: string }

// A page is of all rows, whichever key has sealed them, so that no statement reads more than its page.
// A key id has no colon, so only values that this key has sealed begin with `<key id>:`.
const FIND_PAGE = {
  'authenticators.secret_sealed': {
    name: 'find_page_of_sealed_authenticators',
    text: `
      SELECT id, account_id AS "accountId", secret_sealed AS sealed,
             NOT starts_with(secret_sealed, $1 || ':${BOUND_TO_ACCOUNT}') AS "isOtherwiseSealed"
        FROM authenticators
       WHERE id > $2
       ORDER BY id
       LIMIT $3`,
  },
  'signing_keys.private_sealed': {
    name: 'find_page_of_sealed_signing_keys',
    text: `
      SELECT kid AS id, NULL AS "accountId", private_sealed AS sealed,
             NOT starts_with(private_sealed, $1 || ':') AS "isOtherwiseSealed"
        FROM signing_keys
       WHERE kid > $2
       ORDER BY kid
       LIMIT $3`,
  },
  'sealed_secrets.sealed': {
    name: 'find_page_of_sealed_secrets',
    text: `
      SELECT name AS id, NULL AS "accountId", sealed,
             NOT starts_with(sealed, $1 || ':') AS "isOtherwiseSealed"
        FROM sealed_secrets
       WHERE name > $2
       ORDER BY name
       LIMIT $3`,
  },
  'mails.sealed': {
    name: 'find_page_of_sealed_mails',
    text: `
      SELECT id, NULL AS "accountId", sealed,
             NOT starts_with(sealed, $1 || ':') AS "isOtherwiseSealed"
        FROM mails
       WHERE id > $2
       ORDER BY id
       LIMIT $3`,
  },
  'registrations.sealed': {
    name: 'find_page_of_sealed_registrations',
    text: `
      SELECT id, NULL AS "accountId", sealed,
             NOT starts_with(sealed, $1 || ':') AS "isOtherwiseSealed"
        FROM registrations
       WHERE id > $2
       ORDER BY id
       LIMIT $3`,
  },
} as const satisfies Record<SealedColumn, object>

/** Comes before every id of the column's table. */
export const BEFORE_ALL: Record<SealedColumn, string> = {
  'authenticators.secret_sealed': '00000000-0000-0000-0000-000000000000',
  'signing_keys.private_sealed': '',
  'sealed_secrets.sealed': '',
  'mails.sealed': '00000000-0000-0000-0000-000000000000',
  'registrations.sealed': '00000000-0000-0000-0000-000000000000',
}

/**
 * Of the next `limit` rows after the id `after`, the values that another key than `keyId` has sealed, or that are not
 * bound to their account yet. `next`: the id to go on after, null at the end of the table.
 */
export const findOtherwiseSealed = async (
  deps: { postgres: Sql },
  column: SealedColumn,
  keyId: string,
  { after, limit }: { after: string; limit: number },
): Promise<{ found: SealedValue[]; next: string | null }> => {
  type Row = SealedValue & { isOtherwiseSealed: boolean }
  const rows = await deps.postgres.query<Row>(FIND_PAGE[column], [keyId, after, limit])
  const found = rows.filter((row) => row.isOtherwiseSealed)
  return { found, next: rows.length < limit ? null : (rows.at(-1)?.id ?? null) }
}

// Conditional on the old value, so that a value that was written meanwhile is not overwritten. Rows that are locked by
// others are skipped, and found again by the next batch: this locks rows of many accounts, and waiting for one of them
// while holding another could be a deadlock.
const REPLACE_SEALED = {
  'authenticators.secret_sealed': {
    name: 'replace_sealed_authenticators',
    text: `
      WITH found AS (
        SELECT a.id, r.next
          FROM authenticators AS a
          JOIN unnest($1::uuid[], $2::text[], $3::text[]) AS r (id, old, next)
            ON a.id = r.id AND a.secret_sealed = r.old
           FOR NO KEY UPDATE OF a SKIP LOCKED
      )
      UPDATE authenticators AS a
         SET secret_sealed = found.next
        FROM found
       WHERE a.id = found.id
      RETURNING a.id`,
  },
  'signing_keys.private_sealed': {
    name: 'replace_sealed_signing_keys',
    text: `
      WITH found AS (
        SELECT k.kid, r.next
          FROM signing_keys AS k
          JOIN unnest($1::text[], $2::text[], $3::text[]) AS r (id, old, next)
            ON k.kid = r.id AND k.private_sealed = r.old
           FOR NO KEY UPDATE OF k SKIP LOCKED
      )
      UPDATE signing_keys AS k
         SET private_sealed = found.next
        FROM found
       WHERE k.kid = found.kid
      RETURNING k.kid`,
  },
  'sealed_secrets.sealed': {
    name: 'replace_sealed_secrets',
    text: `
      WITH found AS (
        SELECT s.name, r.next
          FROM sealed_secrets AS s
          JOIN unnest($1::text[], $2::text[], $3::text[]) AS r (id, old, next)
            ON s.name = r.id AND s.sealed = r.old
           FOR NO KEY UPDATE OF s SKIP LOCKED
      )
      UPDATE sealed_secrets AS s
         SET sealed = found.next
        FROM found
       WHERE s.name = found.name
      RETURNING s.name`,
  },
  'mails.sealed': {
    name: 'replace_sealed_mails',
    text: `
      WITH found AS (
        SELECT m.id, r.next
          FROM mails AS m
          JOIN unnest($1::uuid[], $2::text[], $3::text[]) AS r (id, old, next)
            ON m.id = r.id AND m.sealed = r.old
           FOR NO KEY UPDATE OF m SKIP LOCKED
      )
      UPDATE mails AS m
         SET sealed = found.next
        FROM found
       WHERE m.id = found.id
      RETURNING m.id`,
  },
  'registrations.sealed': {
    name: 'replace_sealed_registrations',
    text: `
      WITH found AS (
        SELECT p.id, r.next
          FROM registrations AS p
          JOIN unnest($1::uuid[], $2::text[], $3::text[]) AS r (id, old, next)
            ON p.id = r.id AND p.sealed = r.old
           FOR NO KEY UPDATE OF p SKIP LOCKED
      )
      UPDATE registrations AS p
         SET sealed = found.next
        FROM found
       WHERE p.id = found.id
      RETURNING p.id`,
  },
} as const satisfies Record<SealedColumn, object>

/** Replaces by `next` each value that is still as it was read; returns how many were. */
export const replaceSealed = async (
  deps: { postgres: Sql },
  column: SealedColumn,
  values: readonly { id: string; sealed: string; next: string }[],
): Promise<number> => {
  const rows = await deps.postgres.query(REPLACE_SEALED[column], [
    values.map(({ id }) => id),
    values.map(({ sealed }) => sealed),
    values.map(({ next }) => next),
  ])
  return rows.length
}

const FORGET_RETIRED_KEYS = {
  name: 'forget_retired_keys',
  text: `
    WITH retired AS (
      DELETE FROM encryption_key_checks AS c
       WHERE c.key_id <> $1
         AND NOT EXISTS (SELECT 1 FROM authenticators WHERE starts_with(secret_sealed, c.key_id || ':'))
         AND NOT EXISTS (SELECT 1 FROM signing_keys WHERE starts_with(private_sealed, c.key_id || ':'))
         AND NOT EXISTS (SELECT 1 FROM sealed_secrets WHERE starts_with(sealed, c.key_id || ':'))
         AND NOT EXISTS (SELECT 1 FROM mails WHERE starts_with(sealed, c.key_id || ':'))
         AND NOT EXISTS (SELECT 1 FROM registrations WHERE starts_with(sealed, c.key_id || ':'))
      RETURNING c.key_id
    ), recorded AS (
      SELECT record_audit_event($2::jsonb)
    )
    SELECT retired.key_id FROM recorded LEFT JOIN retired ON true`,
}

/** Forgets keys that no value is sealed with any more, and records `event`; returns their ids. */
export const forgetRetiredKeys = async (
  deps: { postgres: Sql },
  keyId: string,
  event: AuditEvent,
): Promise<string[]> => {
  const rows = await deps.postgres.query<{ key_id: string | null }>(FORGET_RETIRED_KEYS, [
    keyId,
    JSON.stringify(event),
  ])
  return rows.flatMap(({ key_id: id }) => id ?? []).sort()
}
