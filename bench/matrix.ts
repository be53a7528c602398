// The paths with few and with many connections, on one process and on two. The two have all cores, as Redis, PostgreSQL and the load
// have the one that is not the first.
import { compare } from './compare.ts'
import { type Environment, postern } from './contestants.ts'
import type { Bench } from './prepare.ts'
import { ALL_CORES, PROGRAMS, startUnderTest, type UnderTest } from './processes.ts'
import { SCENARIOS } from './scenarios.ts'
import type { MatrixResult } from './tables.ts'

const ROUNDS = { full: { warmUps: 1, rounds: 3 }, quick: { warmUps: 0, rounds: 1 } }
/** Requests of a round for each connection, and in all. */
const A_CONNECTION = { full: 500, quick: 2 }
const AT_MOST = { full: 3_000, quick: 256 }

export const measureMatrix = async (
  one: UnderTest,
  { bench, environment }: { bench: Bench; environment: Environment },
  { size, levels, say }: { size: 'full' | 'quick'; levels: readonly number[]; say: (what: string) => void },
): Promise<MatrixResult[]> => {
  const startShared = () => startUnderTest(PROGRAMS.postern, environment, { cores: ALL_CORES })
  const two = [await startShared(), await startShared()]
  const contestants = [postern(bench, [one]), postern(bench, two)]
  const results: MatrixResult[] = []
  for (const scenario of SCENARIOS) {
    for (const connections of levels) {
      say(`${scenario.name} with ${connections} connections`)
      const requests = Math.min(connections * A_CONNECTION[size], AT_MOST[size])
      const plan = { ...ROUNDS[size], connections, requests }
      results.push({ scenario, connections, measured: await compare(contestants, scenario, plan) })
    }
  }
  await Promise.all(two.map((server) => server.stop()))
  return results
}
