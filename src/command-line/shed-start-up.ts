import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../server/log.ts'

const ONCE_QUIET_MS = 1_000

/**
 * Frees the memory that starting has used, which is half of an idle server's: V8 would keep it until there is a load.
 * One full collection, a second after the start; it stops the process for less than 100 ms.
 * Where Node has no inspector, or may not use it (`--permission`), the memory is kept, and that is logged.
 */
export const shedStartUp = async (log: Pick<Log, 'warn'>): Promise<void> => {
  await sleep(ONCE_QUIET_MS, undefined, { ref: false })
  try {
    const { Session } = await import('node:inspector/promises')
    const session = new Session()
    session.connect()
    await session.post('HeapProfiler.collectGarbage')
    session.disconnect()
  } catch (error) {
    log.warn({ reason: (error as Error).message }, 'the memory of the start is not given back')
  }
}
