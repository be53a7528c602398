// The ephemeral contract in the memory of one process. Each operation runs to its end before the next
// one begins, so it is atomic; a restart forgets everything.
import type { Ephemeral } from '../ephemeral.ts'
import { memoryAccounts, memoryBudgets, memoryVersions } from './accounts.ts'
import { memoryChallenges, memoryEnrollments, memoryPending } from './challenges.ts'
import { memoryCodes } from './codes.ts'
import { memoryChanges, memoryCounters } from './counters.ts'
import { memoryGuesses } from './guesses.ts'
import { memoryPushedRequests, memoryReplays } from './protocol.ts'
import { memorySessionStore } from './session-operations.ts'
import { memorySessions } from './sessions.ts'

const SWEEP_EVERY_MS = 1000
const SWEPT_AT_ONCE = 2000

/** Sweeps by a clock of its own, as Redis does. Whether something has expired is decided by the callers' `nowMs`. */
export const openMemoryEphemeral = (): Ephemeral => {
  const clock = () => performance.now()
  const accounts = memoryAccounts(clock)
  const sessions = memorySessions(clock, accounts)
  const pendings = memoryPending(clock, accounts, sessions)
  const guesses = memoryGuesses(clock, accounts)
  const counters = memoryCounters(clock)
  const codes = memoryCodes(clock, accounts, sessions)
  const pushedRequests = memoryPushedRequests(clock)
  const replays = memoryReplays(clock)
  const swept = [accounts, sessions, pendings, guesses, counters, codes, pushedRequests, replays]

  const sweeping = setInterval(() => {
    for (const { sweep } of swept) sweep(SWEPT_AT_ONCE)
  }, SWEEP_EVERY_MS).unref()

  return {
    kind: 'memory',
    challenges: memoryChallenges(pendings, accounts),
    enrollments: memoryEnrollments(pendings),
    budgets: memoryBudgets(accounts),
    versions: memoryVersions(accounts),
    sessions: memorySessionStore(sessions, accounts),
    guesses: guesses.store,
    counters: counters.store,
    codes: codes.store,
    pushedRequests: pushedRequests.store,
    replays: replays.store,
    changes: memoryChanges(),
    async ping() {},
    async close() {
      clearInterval(sweeping)
    },
  }
}
