// An account as administrators see it: with what its second factor consists of. Pure.
import { ACCOUNT_COLUMNS, type Account, type AccountRow, type AccountStatus, toAccount } from './account.ts'

export type AccountDetails = {
  account: Account
  /** Types of its active authenticators. */
  methods: string[]
  recoveryCodesRemaining: number
}

export type DetailsRow = AccountRow & { methods: string[]; recovery_codes_remaining: number }

/** What makes an `AccountDetails`, for every statement that reads one under the alias `a`. */
export const DETAILS_COLUMNS = `${ACCOUNT_COLUMNS},
  ARRAY(SELECT DISTINCT t.type FROM authenticators AS t WHERE t.account_id = a.id AND t.status = 'active' ORDER BY t.type)
    AS methods,
  (SELECT count(*) FROM recovery_codes AS r WHERE r.account_id = a.id AND r.used_at IS NULL)
    AS recovery_codes_remaining`

export const toDetails = (row: DetailsRow): AccountDetails => ({
  account: toAccount(row),
  methods: row.methods,
  recoveryCodesRemaining: row.recovery_codes_remaining,
})

/** Null admits all. */
export type AccountFilter = { enrolled: boolean | null; role: string | null; status: AccountStatus | null }
