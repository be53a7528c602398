// One account in PostgreSQL, as it sees itself and as administrators see it. How accounts are listed: `search-store.ts`.
import type { Sql } from '../postgres/pool.ts'
import { ASKED_ACCOUNTS, FACTORS_COLUMNS, LISTED_COLUMNS } from './account-sql.ts'
import {
  type AccountWithFactors,
  type FactorsRow,
  type ListedAccount,
  type ListedRow,
  toAccountWithFactors,
  toListed,
} from './details.ts'

const FIND_WITH_FACTORS = {
  name: 'find_account_with_factors',
  text: `
    SELECT asked.n, ${FACTORS_COLUMNS}
      FROM ${ASKED_ACCOUNTS}`,
}

export const findAccountWithFactors = async (
  deps: { postgres: Sql },
  accountId: string,
): Promise<AccountWithFactors | null> => {
  const [row] = await deps.postgres.collect<FactorsRow>(FIND_WITH_FACTORS, [accountId])
  return row ? toAccountWithFactors(row) : null
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
