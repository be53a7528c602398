// Verifying a password against a stored hash, whatever made it.
import { ARGON2_PARAMETERS, type PasswordHasher } from './password-hasher.ts'

/** `outdated`: the hash has weaker parameters than today's and should be made anew. */
export type VerifiedPassword = { ok: boolean; outdated: boolean }

const ARGON2ID = /^\$argon2id\$v=19\$m=(?<m>\d+),t=(?<t>\d+),p=(?<p>\d+)\$/

/** Of no password: verifying against it costs what verifying a real one costs, and fails. */
const NOBODYS_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$JTYEUAuKsXx98KLuKT1UVw$pz7+0/SfKg72kmX8g3tB1UnvQlp6yYuptM/6dU6JyR0'

const isOutdated = (phc: string): boolean => {
  const { m, t, p } = ARGON2ID.exec(phc)?.groups ?? {}
  const { memoryCost, timeCost, parallelism } = ARGON2_PARAMETERS
  return Number(m) < memoryCost || Number(t) < timeCost || Number(p) < parallelism
}

/** `stored` is null for an unknown account, or one without a password; it costs the same. */
export const verifyPassword = async (
  passwords: PasswordHasher,
  stored: string | null,
  password: string,
): Promise<VerifiedPassword> => {
  const ok = (await passwords.verify(stored ?? NOBODYS_HASH, password)) && stored !== null
  return { ok, outdated: ok && isOutdated(stored ?? NOBODYS_HASH) }
}
