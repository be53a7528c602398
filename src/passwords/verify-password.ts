// Verifying a password against a stored hash, whatever made it.

import { isOutdated, readPasswordHash } from './password-hash.ts'
import type { PasswordHasher } from './password-hasher.ts'

/** `outdated`: the hash was imported, or has weaker parameters than today's, and should be made anew. */
export type VerifiedPassword = { ok: boolean; outdated: boolean }

/** The hash of no password: verifying against it costs what verifying a real one costs, and fails. */
const NOBODYS_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$JTYEUAuKsXx98KLuKT1UVw$pz7+0/SfKg72kmX8g3tB1UnvQlp6yYuptM/6dU6JyR0'

/**
 * `stored` is null for an unknown account, or one without a password. That costs the same work, and so does a hash that
 * cannot be read. Decision: an imported hash costs what its old system chose. Until the first sign-in, the time shows
 * that there is such an account; equal cost for all would mean the greatest cost for all.
 */
export const verifyPassword = async (
  passwords: PasswordHasher,
  stored: string | null,
  password: string,
): Promise<VerifiedPassword> => {
  const hash = stored === null ? null : readPasswordHash(stored)
  const matches = await passwords.verify(stored !== null && hash ? stored : NOBODYS_HASH, password)
  const ok = matches && hash !== null
  return { ok, outdated: ok && isOutdated(hash) }
}
