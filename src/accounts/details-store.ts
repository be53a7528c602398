// One account in PostgreSQL, as it sees itself and as administrators see it. How accounts are listed: `search-store.ts`.
import type { Sql } from '../postgres/pool.ts'
import { DETAILS_COLUMNS, LISTED_COLUMNS } from './account-sql.ts'
import {
  type AccountDetails,
  type DetailsRow,
  type ListedAccount,
  type ListedRow,
  toDetails,
  toListed,
} from './details.ts'

const FIND_DETAILS = {
  name: 'find_account_details',
  text: `
    SELECT asked.n, ${DETAILS_COLUMNS}
      FROM unnest($1::uuid[]) WITH ORDINALITY AS asked (id, n)
      JOIN accounts AS a ON a.id = asked.id`,
}

export const findAccountDetails = async (
  deps: { postgres: Sql },
  accountId: string,
): Promise<AccountDetails | null> => {
  const [row] = await deps.postgres.collect<DetailsRow>(FIND_DETAILS, [accountId])
  return row ? toDetails(row) : null
}

const FIND_LISTED = {
  name: 'find_listed_account',
  text: `SELECT ${LISTED_COLUMNS} FROM accounts AS a WHERE a.id = $1`,
}

export const findListedAccount = async (
  deps: { postgres: Sql },
  accountId: string,
): Promise<ListedAccount | null> => {
  const [row] = await deps.postgres.query<ListedRow>(FIND_LISTED, [accountId])
  return row ? toListed(row) : null
}
