// An account with what its second factor consists of: as it sees itself, and as administrators see it. Pure.
import { type Account, type AccountRow, type AccountStatus, toAccount } from './account.ts'

export type AccountDetails = {
  account: Account
  /** Types of its active authenticators. */
  methods: string[]
  /** Of the codes of its active TOTP authenticators. */
  totpDigits: number[]
  recoveryCodesRemaining: number
}

export type DetailsRow = AccountRow & {
  methods: string[]
  totp_digits: number[]
  recovery_codes_remaining: number
}

export const toDetails = (row: DetailsRow): AccountDetails => ({
  account: toAccount(row),
  methods: row.methods,
  totpDigits: row.totp_digits,
  recoveryCodesRemaining: row.recovery_codes_remaining,
})

/** The same, with what is noted without raising the account's version. */
export type ListedAccount = AccountDetails & { updatedAt: Date; lastLoginAt: Date | null }

export type ListedRow = DetailsRow & { updated_at: Date; last_login_at: Date | null }

export const toListed = (row: ListedRow): ListedAccount => ({
  ...toDetails(row),
  updatedAt: row.updated_at,
  lastLoginAt: row.last_login_at,
})

/** Null admits all. */
export type AccountFilter = { enrolled: boolean | null; role: string | null; status: AccountStatus | null }
