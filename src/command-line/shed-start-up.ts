import { Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const ONCE_QUIET_MS = 1_000

/**
 * Gives back what starting has left: V8 would keep it, half of an idle server's memory, until a load has it
 * collected. One full collection, a second after the start; it stops the process for less than 100 ms.
 */
export const shedStartUp = async (): Promise<void> => {
  await sleep(ONCE_QUIET_MS, undefined, { ref: false })
  const session = new Session()
  session.connect()
  await session.post('HeapProfiler.collectGarbage')
  session.disconnect()
}
