import type { Deps } from '../deps.ts'
import { countPendingNotices } from './store.ts'

/** How many notices are not delivered yet, and for how many seconds the oldest has been waiting; 0 where there is none. */
export type Backlog = { pending: number; oldestSeconds: number }

/** For metrics: where PostgreSQL is away, neither is a number. */
export const countNotices = async (deps: Pick<Deps, 'postgres' | 'clock'>): Promise<Backlog> => {
  try {
    const { pending, oldest } = await countPendingNotices(deps)
    const waitedMs = oldest ? deps.clock().getTime() - oldest.getTime() : 0
    return { pending, oldestSeconds: Math.max(0, waitedMs) / 1000 }
  } catch {
    return { pending: Number.NaN, oldestSeconds: Number.NaN }
  }
}
