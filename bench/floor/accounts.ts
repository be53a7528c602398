// What the floor knows of its accounts: all of it in memory, from a file that the bench writes.
import { readFileSync, writeFileSync } from 'node:fs'
import { accountTag } from '../../src/encryption/opaque-token.ts'
import type { BenchAccount } from '../prepare.ts'

export type FloorAccount = {
  id: string
  tag: string
  subject: string
  authenticatorId: string
  secret: Buffer
}

export const toFloorAccount = (account: BenchAccount): FloorAccount => ({
  ...account,
  tag: accountTag(account.id),
})

export const writeAccounts = (file: string, accounts: readonly BenchAccount[]): void => {
  const stored = accounts.map(({ secret, ...rest }) => ({ ...rest, secret: secret.toString('base64') }))
  writeFileSync(file, JSON.stringify(stored))
}

export const readAccounts = (file: string): FloorAccount[] => {
  const stored: (Omit<BenchAccount, 'secret'> & { secret: string })[] = JSON.parse(readFileSync(file, 'utf8'))
  return stored.map(({ secret, ...rest }) =>
    toFloorAccount({ ...rest, secret: Buffer.from(secret, 'base64') }),
  )
}
