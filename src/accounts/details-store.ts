// One account in PostgreSQL as administrators see it. How accounts are listed: `search-store.ts`.
import type { Sql } from '../postgres/pool.ts'
import { DETAILS_COLUMNS } from './account-sql.ts'
import { type AccountDetails, type DetailsRow, toDetails } from './details.ts'

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
