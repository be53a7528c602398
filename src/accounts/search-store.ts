// Accounts in PostgreSQL as they are listed and searched: by `account_search` and `account_roles`, which triggers keep
// (sql/0002_search.sql). No statement has a name, so that each is planned for the values it is given.
import type { Sql } from '../postgres/pool.ts'
import { LISTED_COLUMNS } from './account-sql.ts'
import { type AccountFilter, type ListedAccount, type ListedRow, toListed } from './details.ts'

/** A page from after the account `afterId`, in the order of the list; null for the first. */
export type AccountPage = { afterId: string | null; limit: number }

/**
 * What is looked for: `name` is a whole user name or email address; `part` is a part of `account_search.names`, where
 * each name is after two line feeds. `part` has at least three characters.
 */
export type AccountSearch = { name: string; part: string }

// After `$3 IS NULL OR`, an IN would not become a join; it would be evaluated for every row. `$4` limits the roles too:
// the planner does not infer it from the join.
const filtered = ({ role }: AccountFilter) => `
       ($1::boolean IS NULL OR s.enrolled = $1)
   AND ($2::text IS NULL OR s.status = $2)
   AND ($4::uuid IS NULL OR s.account_id < $4)
   AND ${
     role === null
       ? '$3::text IS NULL'
       : `s.account_id IN (SELECT r.account_id FROM account_roles AS r
                            WHERE r.role = $3 AND ($4::uuid IS NULL OR r.account_id < $4))`
   }`

const valuesOf = ({ enrolled, status, role }: AccountFilter, beforeId: string | null = null) => [
  enrolled,
  status,
  role,
  beforeId,
]

const query = async (
  deps: { postgres: Sql },
  text: string,
  values: readonly unknown[],
): Promise<ListedAccount[]> => (await deps.postgres.query<ListedRow>({ text }, values)).map(toListed)

/** Accounts that pass `filter`, the newest first: by id, which is a UUIDv7, and which later accounts do not move. */
export const listAccountDetails = (
  deps: { postgres: Sql },
  filter: AccountFilter,
  { afterId, limit }: AccountPage,
): Promise<ListedAccount[]> => {
  const text = `
    SELECT ${LISTED_COLUMNS}
      FROM (SELECT s.account_id
              FROM account_search AS s
             WHERE ${filtered(filter)}
             ORDER BY s.account_id DESC
             LIMIT $5) AS page
      JOIN accounts AS a ON a.id = page.account_id
     ORDER BY a.id DESC`
  return query(deps, text, [...valuesOf(filter, afterId), limit])
}

const named = (name: string) => `(a.username_key = ${name}
            OR (a.client_id IS NULL AND a.email_key = ${name})
            OR (a.client_id IS NOT NULL AND a.email_key = ${name}))`

const notNamed = (name: string) => `s.account_id NOT IN (SELECT a.id FROM accounts AS a WHERE ${named(name)})`

/** Accounts with exactly this user name or email address, the newest first. */
export const findExactAccounts = (
  deps: { postgres: Sql },
  filter: AccountFilter,
  { name }: AccountSearch,
  { afterId, limit }: AccountPage,
): Promise<ListedAccount[]> => {
  const text = `
    SELECT ${LISTED_COLUMNS}
      FROM accounts AS a
      JOIN account_search AS s ON s.account_id = a.id
     WHERE ${named('$5')}
       AND ${filtered(filter)}
     ORDER BY a.id DESC
     LIMIT $6`
  return query(deps, text, [...valuesOf(filter, afterId), name, limit])
}

/**
 * The other accounts that match, the newest first. All of them are read, then sorted: a plan that walks from the newest
 * account on until it has met enough matches might walk through all accounts.
 */
export const findNewestAccounts = (
  deps: { postgres: Sql },
  filter: AccountFilter,
  { name, part }: AccountSearch,
  { afterId, limit }: AccountPage,
): Promise<ListedAccount[]> => {
  const text = `
    WITH found AS MATERIALIZED (
      SELECT s.account_id
        FROM account_search AS s
       WHERE s.letters LIKE '%' || search_letters($6) || '%'
         AND position($6 IN s.names) > 0
         AND ${notNamed('$5')}
         AND ${filtered(filter)}
    ), page AS (
      SELECT account_id FROM found ORDER BY account_id DESC LIMIT $7
    )
    SELECT ${LISTED_COLUMNS}
      FROM page
      JOIN accounts AS a ON a.id = page.account_id
     ORDER BY a.id DESC`
  return query(deps, text, [...valuesOf(filter, afterId), name, part, limit])
}

const scattered = (id: string) => `reverse(${id}::text) COLLATE "C"`

/** The other accounts that match, in no order: a walk along random ids, which soon meets what many accounts have. */
export const findScatteredAccounts = (
  deps: { postgres: Sql },
  filter: AccountFilter,
  { name, part }: AccountSearch,
  { afterId, limit }: AccountPage,
): Promise<ListedAccount[]> => {
  const text = `
    SELECT ${LISTED_COLUMNS}
      FROM (SELECT s.account_id
              FROM account_search AS s
             WHERE position($6 IN s.names) > 0
               AND ${notNamed('$5')}
               AND ${filtered(filter)}
               AND ($7::uuid IS NULL OR ${scattered('s.account_id')} > ${scattered('$7::uuid')})
             ORDER BY ${scattered('s.account_id')}
             LIMIT $8) AS page
      JOIN accounts AS a ON a.id = page.account_id
     ORDER BY ${scattered('a.id')}`
  return query(deps, text, [...valuesOf(filter), name, part, afterId, limit])
}

// Blocks of some 40 accounts each. Where these are all the blocks there are, no search is common.
const SAMPLE_BLOCKS = 200
// This many accounts are read and sorted within milliseconds.
const FEW = 2_000
// With fewer matches in the sample, a walk might take longer to find a page of them.
const FEW_IN_SAMPLE = 64
// Accounts that were created together are in few blocks; by chance, the sample has many of those blocks or none.
const FEW_BLOCKS_IN_SAMPLE = 8

const SHARE = `LEAST(1, ${SAMPLE_BLOCKS}.0 * current_setting('block_size')::integer
                           / GREATEST(1, pg_relation_size('account_search')))`

/** Whether so many accounts match that the walk fills a page sooner than all matches are read. Decided by a sample. */
export const isCommonSearch = async (
  deps: { postgres: Sql },
  filter: AccountFilter,
  { part }: AccountSearch,
): Promise<boolean> => {
  const text = `
    SELECT ${SHARE} < 1
           AND count(*) >= GREATEST(${FEW_IN_SAMPLE}, ${FEW} * ${SHARE})
           AND count(DISTINCT block) >= ${FEW_BLOCKS_IN_SAMPLE} AS common
      FROM (SELECT split_part(s.ctid::text, ',', 1) AS block
              FROM account_search AS s TABLESAMPLE SYSTEM (100 * ${SHARE})
             WHERE position($5 IN s.names) > 0
               AND ${filtered(filter)}
             LIMIT ${FEW}) AS matches`
  const [row] = await deps.postgres.query<{ common: boolean }>({ text }, [...valuesOf(filter), part])
  return row?.common === true
}
