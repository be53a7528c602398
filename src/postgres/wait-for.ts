import { setTimeout as sleep } from 'node:timers/promises'
import type { Deps } from '../deps.ts'
import { DependencyError } from '../errors.ts'

const PATIENCE_MS = 30_000
const PAUSE_MS = 500

/** Repeats `open` while a dependency is away, because containers start in any order. Gives up after 30 s. */
export const waitFor = async <T>(what: string, log: Deps['log'], open: () => Promise<T>): Promise<T> => {
  const deadline = performance.now() + PATIENCE_MS
  for (let said = false; ; said = true) {
    try {
      return await open()
    } catch (error) {
      if (!(error instanceof DependencyError) || performance.now() > deadline) throw error
      if (!said) log.warn({ reason: error.message }, `waiting for ${what}`)
      await sleep(PAUSE_MS)
    }
  }
}
