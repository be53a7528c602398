import type { Deps } from '../deps.ts'
import { ensurePartition } from './store.ts'

const MONTHS_AHEAD = 2

type PartitionDeps = Pick<Deps, 'postgres' | 'log'>

/**
 * Makes the audit partitions of this month and the next two, where they are missing. One that cannot be made is
 * logged: until it is, the default partition takes its events. Returns whether all are there.
 */
export const ensureAuditPartitions = async (deps: PartitionDeps, now: Date): Promise<boolean> => {
  let areAllThere = true
  for (let ahead = 0; ahead <= MONTHS_AHEAD; ahead += 1) {
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1))
    try {
      await ensurePartition(deps, month)
    } catch (error) {
      areAllThere = false
      deps.log.error({ month, reason: (error as Error).message }, 'could not make an audit partition')
    }
  }
  return areAllThere
}
