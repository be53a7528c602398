import type { Sql } from '../postgres/pool.ts'
import { deleteSettledNotices } from './store.ts'

const BATCH = 500
const KEPT_FOR_MS = 30 * 24 * 3_600_000

/** Deletes notices that were delivered or given up 30 days ago, a batch at a time. Their audit events stay. */
export const clearSettledNotices = async (deps: { postgres: Sql }, now: Date): Promise<void> => {
  const before = new Date(now.getTime() - KEPT_FOR_MS)
  for (let deleted = BATCH; deleted === BATCH; ) deleted = await deleteSettledNotices(deps, before, BATCH)
}
