import type { Deps } from '../deps.ts'
import { ensureAuditPartitions } from './ensure-partitions.ts'

const EVERY_MS = { whereAllAreThere: 6 * 3_600_000, whereOneIsMissing: 60_000 }

/**
 * Makes the audit partitions of this month and the next two, now and from time to time, until the function that it
 * returns is called. A partition that cannot be made stops nothing, and is tried again soon.
 */
export const keepAuditPartitions = async (
  deps: Pick<Deps, 'postgres' | 'log' | 'clock'>,
  everyMs = EVERY_MS,
): Promise<() => void> => {
  let timer: NodeJS.Timeout | null = null
  let isStopped = false
  const ensure = async () => {
    const areAllThere = await ensureAuditPartitions(deps, deps.clock())
    if (isStopped) return
    timer = setTimeout(ensure, areAllThere ? everyMs.whereAllAreThere : everyMs.whereOneIsMissing).unref()
  }
  await ensure()
  return () => {
    isStopped = true
    if (timer) clearTimeout(timer)
  }
}
