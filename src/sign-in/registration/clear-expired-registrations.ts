import type { Sql } from '../../postgres/pool.ts'
import { deleteExpiredRegistrations } from './registration-store.ts'

const BATCH = 500

/** Deletes registrations that nobody has confirmed in time, a batch at a time. */
export const clearExpiredRegistrations = async (deps: { postgres: Sql }, now: Date): Promise<void> => {
  for (let deleted = BATCH; deleted === BATCH; ) deleted = await deleteExpiredRegistrations(deps, now, BATCH)
}
