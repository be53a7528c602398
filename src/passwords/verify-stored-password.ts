import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'
import type { PasswordHasher } from './password-hasher.ts'
import { type AccountWithPassword, findAccountWithPassword, replacePasswordHash } from './store.ts'
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
  const known = outdated ? await rehash(deps, found, password) : found.passwordHash
  const stored = await findAccountWithPassword(deps, found.account.id)
  if (!stored || stored.passwordHash === known) return stored
  // The password was changed, or hashed anew by another sign-in, meanwhile: what is stored now decides.
  const again = await verifyPassword(deps.passwords, stored.passwordHash, password)
  return again.ok ? stored : null
}

/** The hash that is stored after this. Where the queue is full, the old one stays until the next sign-in. */
const rehash = async (
  deps: StoredDeps,
  { account, passwordHash }: AccountWithPassword,
  password: string,
): Promise<string | null> => {
  const next = await deps.passwords.hash(password).catch((error: unknown) => {
    if (error instanceof AuthError && error.code === 'temporarily_unavailable') return null
    throw error
  })
  if (next === null || passwordHash === null) return passwordHash
  return (await replacePasswordHash(deps, account.id, passwordHash, next)) ? next : passwordHash
}
