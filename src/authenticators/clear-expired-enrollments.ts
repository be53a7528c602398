import type { Sql } from '../postgres/pool.ts'
import { deleteExpiredEnrollments } from './enrollment-store.ts'

const BATCH = 100

/**
 * Deletes authenticators of any account that were not confirmed in time (docs/security.md 12), a batch at a time. Their
 * secrets are not kept, because they can no longer be used.
 */
export const clearExpiredEnrollments = async (deps: { postgres: Sql }, now: Date): Promise<void> => {
  for (let deleted = BATCH; deleted === BATCH; ) deleted = await deleteExpiredEnrollments(deps, now, BATCH)
}
