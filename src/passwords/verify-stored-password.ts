import type { AccountWithPassword } from '../accounts/account.ts'
import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'
import { isLongPassword } from './check-password.ts'
import type { PasswordHasher } from './password-hasher.ts'
import { findAccountWithPassword, renewPasswordHash } from './store.ts'
import { verifyPassword } from './verify-password.ts'

type StoredDeps = { postgres: Sql; passwords: PasswordHasher }

/**
 * The account, if this is its password. It is read again after the hash has been computed, because it may have changed
 * during the wait in the queue (docs/security.md 39). Null for a wrong password, at the cost of a right one.
 */
export const verifyStoredPassword = async (
  deps: StoredDeps,
  found: AccountWithPassword | null,
  password: string,
): Promise<AccountWithPassword | null> => {
  const { ok, outdated } = await verifyPassword(deps.passwords, found?.passwordHash ?? null, password)
  if (!found || !ok) return null
  const known = await renew(deps, found, password, outdated)
  const stored = await findAccountWithPassword(deps, found.account.id)
  if (!stored || stored.passwordHash === known) return stored
  // The password was changed, or hashed anew by another sign-in, meanwhile: what is stored now decides.
  const again = await verifyPassword(deps.passwords, stored.passwordHash, password)
  return again.ok ? stored : null
}

/**
 * The hash that is stored after this. One statement stores it anew and notes the length of the password, where that is not
 * known. Where the queue is full, the old hash stays until the next sign-in.
 */
const renew = async (
  deps: StoredDeps,
  { account, passwordHash, passwordIsLong }: AccountWithPassword,
  password: string,
  outdated: boolean,
): Promise<string | null> => {
  const next = outdated ? await hashAnew(deps, password) : null
  const isLong = isLongPassword(password)
  const nothingNew = next === null && (passwordIsLong || !isLong)
  if (passwordHash === null || nothingNew) return passwordHash
  const renewed = { previous: passwordHash, next: next ?? passwordHash, isLong }
  return (await renewPasswordHash(deps, account.id, renewed)) ? renewed.next : passwordHash
}

const hashAnew = ({ passwords }: StoredDeps, password: string): Promise<string | null> =>
  passwords.hash(password).catch((error: unknown) => {
    if (error instanceof AuthError && error.code === 'temporarily_unavailable') return null
    throw error
  })
