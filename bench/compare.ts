// One scenario on Postern and on the floor by turns, so that other work of the machine affects both.
import { Redis } from 'ioredis'
import { type Answers, each, load } from './load.ts'
import type { Bench } from './prepare.ts'
import { cpuMs, type Program, rssMb, type UnderTest } from './processes.ts'
import type { Scenario } from './scenarios.ts'

export const CONNECTIONS = 32

/** One round of one server. CPU is user and system time of the server's process, a request. */
export type Round = { throughput: number; p50Ms: number; p99Ms: number; cpuUs: number; rssMb: number }

/** Medians over the rounds. A share is the median of the shares of each pair of rounds. */
export type Comparison = {
  scenario: Scenario
  postern: Round
  floor: Round
  /** Of the floor's throughput, and of the floor's CPU in Postern's. */
  throughputShare: number
  cpuShare: number
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

export const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** @throws {Error} an answer that is not 200: only requests that do all of the work are measured */
export const refuseFailures = ({ statuses }: Answers): void => {
  const failed = [...statuses].filter(([status]) => status !== 200)
  if (failed.length > 0) throw new Error(`answers that are not 200: ${JSON.stringify(failed)}`)
}

const measure = async (server: UnderTest, requests: Buffer[]): Promise<Round> => {
  const before = cpuMs(server)
  const answers = await load(server.port, CONNECTIONS, each(requests))
  const spentMs = cpuMs(server) - before
  refuseFailures(answers)
  return {
    throughput: requests.length / (answers.elapsedMs / 1000),
    p50Ms: quantile(answers.latenciesMs, 0.5),
    p99Ms: quantile(answers.latenciesMs, 0.99),
    cpuUs: (spentMs * 1000) / requests.length,
    rssMb: rssMb(server),
  }
}

const medianRound = (rounds: readonly Round[]): Round => {
  const of = (member: keyof Round) => median(rounds.map((round) => round[member]))
  return {
    throughput: of('throughput'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    cpuUs: of('cpuUs'),
    rssMb: of('rssMb'),
  }
}

/** Measures in rounds: floor and Postern, then Postern and floor, and so on, after some to warm up (V8 takes a while to be done with them). */
export const compare = async (
  servers: Record<Program, UnderTest>,
  { bench, redisUrl }: { bench: Bench; redisUrl: string },
  scenario: Scenario,
  { warmUps, rounds, requests }: { warmUps: number; rounds: number; requests: number },
): Promise<Comparison> => {
  const redis = new Redis(redisUrl)
  const measured: Record<Program, Round[]> = { postern: [], floor: [] }
  for (let round = -warmUps; round < rounds; round += 1) {
    const order: Program[] = round % 2 === 0 ? ['floor', 'postern'] : ['postern', 'floor']
    for (const program of order) {
      await redis.flushdb()
      const prepared = await scenario.prepare(bench, requests)
      const result = await measure(servers[program], prepared)
      if (round >= 0) measured[program].push(result)
    }
  }
  redis.disconnect()
  const shares = measured.postern.flatMap((postern, i) => {
    const floor = measured.floor[i]
    return floor
      ? [{ throughput: postern.throughput / floor.throughput, cpu: floor.cpuUs / postern.cpuUs }]
      : []
  })
  return {
    scenario,
    postern: medianRound(measured.postern),
    floor: medianRound(measured.floor),
    throughputShare: median(shares.map(({ throughput }) => throughput)),
    cpuShare: median(shares.map(({ cpu }) => cpu)),
  }
}
