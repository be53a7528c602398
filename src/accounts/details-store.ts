// Accounts in PostgreSQL as administrators see them: with what their second factor consists of.
import type { Sql } from '../postgres/pool.ts'
import { ACCOUNT_COLUMNS, type Account, type AccountRow, type AccountStatus, toAccount } from './account.ts'

export type AccountDetails = {
  account: Account
  /** Types of its active authenticators. */
  methods: string[]
  recoveryCodesRemaining: number
}

type DetailsRow = AccountRow & { methods: string[]; recovery_codes_remaining: number }

const DETAILS = `${ACCOUNT_COLUMNS},
  ARRAY(SELECT DISTINCT t.type FROM authenticators AS t WHERE t.account_id = a.id AND t.status = 'active' ORDER BY t.type)
    AS methods,
  (SELECT count(*) FROM recovery_codes AS r WHERE r.account_id = a.id AND r.used_at IS NULL)
    AS recovery_codes_remaining`

const toDetails = (row: DetailsRow): AccountDetails => ({
  account: toAccount(row),
  methods: row.methods,
  recoveryCodesRemaining: row.recovery_codes_remaining,
})

const FIND_DETAILS = {
  name: 'find_account_details',
  text: `SELECT ${DETAILS} FROM accounts AS a WHERE a.id = $1`,
}

export const findAccountDetails = async (
  deps: { postgres: Sql },
  accountId: string,
): Promise<AccountDetails | null> => {
  const [row] = await deps.postgres.query<DetailsRow>(FIND_DETAILS, [accountId])
  return row ? toDetails(row) : null
}

// By id, which is a UUIDv7: the newest first, and a key that later accounts do not move.
const LIST_DETAILS = {
  name: 'list_account_details',
  text: `
    SELECT ${DETAILS}
      FROM accounts AS a
     WHERE ($1::uuid IS NULL OR a.id < $1)
       AND ($2::text IS NULL
            OR position($2 IN concat_ws(E'\\n', a.username_key, a.email_key, lower(a.display_name), lower(a.subject))) > 0)
       AND ($3::boolean IS NULL OR (a.enrolled_authenticators > 0) = $3)
       AND ($4::text IS NULL OR a.roles @> ARRAY[$4])
       AND ($5::text IS NULL OR a.status = $5)
     ORDER BY a.id DESC
     LIMIT $6`,
}

/** Null admits all. `search` is part of a user name, email address, display name or subject, as `nameKey` gives it. */
export type AccountFilter = {
  search: string | null
  enrolled: boolean | null
  role: string | null
  status: AccountStatus | null
}

/** Accounts that pass `filter`, the newest first, from before `beforeId` where there is one. */
export const listAccountDetails = async (
  deps: { postgres: Sql },
  filter: AccountFilter,
  page: { beforeId: string | null; limit: number },
): Promise<AccountDetails[]> => {
  const values = [page.beforeId, filter.search, filter.enrolled, filter.role, filter.status, page.limit]
  const rows = await deps.postgres.query<DetailsRow>(LIST_DETAILS, values)
  return rows.map(toDetails)
}
