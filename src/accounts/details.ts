// An account as administrators see it: with what its second factor consists of. Pure.
import { type Account, type AccountRow, type AccountStatus, toAccount } from './account.ts'

export type AccountDetails = {
  account: Account
  /** Types of its active authenticators. */
  methods: string[]
  recoveryCodesRemaining: number
}

export type DetailsRow = AccountRow & { methods: string[]; recovery_codes_remaining: number }

export const toDetails = (row: DetailsRow): AccountDetails => ({
  account: toAccount(row),
  methods: row.methods,
  recoveryCodesRemaining: row.recovery_codes_remaining,
})

/** Null admits all. */
export type AccountFilter = { enrolled: boolean | null; role: string | null; status: AccountStatus | null }
