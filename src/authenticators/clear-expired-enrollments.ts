import type { Sql } from '../postgres/pool.ts'
import { deleteExpiredEnrollments } from './enrollment-store.ts'

const BATCH = 100

/**
 * Clears away what was begun and not confirmed in time, whoever had begun it (docs/security.md 12), a batch at a
 * time: a secret that counts for nothing is not kept.
 */
export const clearExpiredEnrollments = async (deps: { postgres: Sql }, now: Date): Promise<void> => {
  for (let deleted = BATCH; deleted === BATCH; ) deleted = await deleteExpiredEnrollments(deps, now, BATCH)
}
