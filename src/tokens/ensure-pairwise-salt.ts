import type { RandomBytes, Sealer } from '../encryption/sealer.ts'
import type { Sql } from '../postgres/pool.ts'
import { findSealedSecret, insertSealedSecret } from './sealed-secret-store.ts'

const NAME = 'pairwise_salt'
const SALT_BYTES = 32

/**
 * The salt of pairwise subjects: made by the first start, the same on every replica, and never changed, because clients
 * know their users by what is made of it.
 */
export const ensurePairwiseSalt = async (deps: {
  postgres: Sql
  sealer: Sealer
  randomBytes: RandomBytes
}): Promise<Buffer> => {
  const stored = await findSealedSecret(deps, NAME)
  if (stored) return stored
  await insertSealedSecret(deps, NAME, deps.randomBytes(SALT_BYTES))
  // Another replica's may have come first.
  const salt = await findSealedSecret(deps, NAME)
  if (!salt) throw new Error('the salt of pairwise subjects was not stored')
  return salt
}
