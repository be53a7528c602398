// An account with what its second factor consists of: as it sees itself, and as administrators see it. Pure.
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

/** An active TOTP authenticator as it is stored, its secret sealed. */
export type StoredTotp = {
  id: string
  secretSealed: string
  algorithm: 'SHA1' | 'SHA256' | 'SHA512'
  digits: 6 | 8
  stepSeconds: number
}

/** The same, with what its codes are compared with. */
export type AccountWithFactors = AccountDetails & { totp: StoredTotp[] }

export type FactorsRow = DetailsRow & { totp: StoredTotp[] }

export const toAccountWithFactors = (row: FactorsRow): AccountWithFactors => ({
  ...toDetails(row),
  totp: row.totp,
})

/** The same, with what is noted without raising the account's version. */
export type ListedAccount = AccountDetails & { lastLoginAt: Date | null }

export type ListedRow = DetailsRow & { last_login_at: Date | null }

export const toListed = (row: ListedRow): ListedAccount => ({
  ...toDetails(row),
  lastLoginAt: row.last_login_at,
})

/** Null admits all. */
export type AccountFilter = { enrolled: boolean | null; role: string | null; status: AccountStatus | null }
