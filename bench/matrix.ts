// The paths with few and with many connections, on one process and on two. The two have all cores, as Redis, PostgreSQL
// and the load have the one that is not the first. A version before is measured where nobody shares anything: with one
// connection.
import { type Contestant, compare } from './compare.ts'
import { postern, type Subject } from './contestants.ts'
import { ALL_CORES, PROGRAMS, startUnderTest } from './processes.ts'
import { PATHS } from './scenarios.ts'
import type { Setting } from './setting.ts'
import type { MatrixResult } from './tables.ts'

const ROUNDS = { full: { warmUps: 1, rounds: 3 }, quick: { warmUps: 0, rounds: 1 } }
/** Requests of a round: so many for each connection, within limits. */
const A_CONNECTION = { full: 100, quick: 1 }
const LIMITS = { full: { least: 1_000, most: 3_000 }, quick: { least: 64, most: 256 } }

export const measureMatrix = async (
  { options, emptyRedis }: Setting,
  { bench, environment, server }: Subject,
  { before, say }: { before: Contestant | null; say: (what: string) => void },
): Promise<MatrixResult[]> => {
  const { size, connections: levels } = options
  const startShared = () => startUnderTest(PROGRAMS.postern, environment, { cores: ALL_CORES })
  const two = [await startShared(), await startShared()]
  const own = [postern(bench, [server]), postern(bench, two)]
  const results: MatrixResult[] = []
  for (const scenario of PATHS) {
    await emptyRedis()
    for (const connections of levels) {
      say(`${scenario.name}, connections: ${connections}`)
      const { least, most } = LIMITS[size]
      const requests = Math.max(least, Math.min(connections * A_CONNECTION[size], most))
      const plan = { ...ROUNDS[size], connections, requests }
      const contestants = before !== null && connections === 1 ? [...own, before] : own
      const measured = await compare(contestants, scenario, plan)
      results.push({
        scenario,
        connections,
        measured: measured.filter(({ contestant }) => contestant !== before),
        before: measured.find(({ contestant }) => contestant === before) ?? null,
      })
    }
  }
  await Promise.all(two.map((one) => one.stop()))
  return results
}
