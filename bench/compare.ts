// One scenario on several servers by turns, so that other work of the machine affects all of them.
import { each, load, loadAtRate, refuseFailures, type Target } from './load.ts'
import { cpuMs, rssMb, type UnderTest } from './processes.ts'

export const CONNECTIONS = 32

/** What is measured: its name finds its requests; every answer has the status (200) and the expected texts. */
export type Measurable = { name: string; title: string; status?: number; expected: readonly string[] }

/** Who is measured: one server in one or more processes. */
export type Contestant = {
  name: string
  processes: readonly UnderTest[]
  /** So many requests that can be sent once each, for the scenario of this name. */
  prepare: (scenario: string, count: number) => Promise<Buffer[]>
  /** The scenarios that it does; all of them where it is not said. */
  does?: readonly string[]
  /** What its answers have instead of the scenario's texts. */
  expected?: Partial<Record<string, readonly string[]>>
  stop: () => Promise<void>
}

/** One round of one server. CPU is user and system time of the server's processes, a request. */
export type Round = { throughput: number; p50Ms: number; p99Ms: number; cpuUs: number; rssMb: number }

/** Rounds in the order of time, the same for all contestants, and their medians. */
export type Measured = { contestant: Contestant; rounds: Round[]; median: Round }

export const median = (values: readonly number[]): number => quantile(values, 0.5)

export const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

const targetOf = (contestant: Contestant, { name, expected }: Measurable, connections: number): Target => ({
  ports: contestant.processes.map(({ port }) => port),
  connections,
  expected: contestant.expected?.[name] ?? expected,
})

const measureRound = async (
  contestant: Contestant,
  scenario: Measurable,
  { connections, requests }: { connections: number; requests: number },
): Promise<Round> => {
  const prepared = await contestant.prepare(scenario.name, requests)
  const spentMs = () => sum(contestant.processes.map(cpuMs))
  const before = spentMs()
  const answers = await load(targetOf(contestant, scenario, connections), each(prepared))
  const cpuUs = ((spentMs() - before) * 1000) / prepared.length
  refuseFailures(answers, `${scenario.name} ${contestant.name}`, scenario.status)
  return {
    throughput: prepared.length / (answers.elapsedMs / 1000),
    p50Ms: quantile(answers.latenciesMs, 0.5),
    p99Ms: quantile(answers.latenciesMs, 0.99),
    cpuUs,
    rssMb: sum(contestant.processes.map(rssMb)),
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

export type Plan = { warmUps: number; rounds: number; requests: number; connections: number }

/** Measures in rounds: A and B, then B and A, and so on, after some to warm up (V8 takes a while to be done with them). */
export const compare = async (
  all: readonly Contestant[],
  scenario: Measurable,
  plan: Plan,
): Promise<Measured[]> => {
  const contestants = all.filter(({ does }) => does?.includes(scenario.name) ?? true)
  const rounds = new Map<Contestant, Round[]>(contestants.map((contestant) => [contestant, []]))
  for (let round = -plan.warmUps; round < plan.rounds; round += 1) {
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const measured = await measureRound(contestant, scenario, plan)
      if (round >= 0) rounds.get(contestant)?.push(measured)
    }
  }
  return [...rounds].map(([contestant, measured]) => ({
    contestant,
    rounds: measured,
    median: medianRound(measured),
  }))
}

/** The median of the rounds' ratios `a` to `b`. */
export const ratio = (a: Measured, b: Measured, member: keyof Round): number =>
  median(a.rounds.map((round, i) => round[member] / (b.rounds[i]?.[member] ?? Number.NaN)))

/** The p99 where requests come at half of the rate that was measured. */
export const measureHalfLoad = async (
  { contestant, median: { throughput } }: Measured,
  scenario: Measurable,
  { connections, requests }: Plan,
): Promise<number> => {
  const prepared = await contestant.prepare(scenario.name, requests)
  const target = targetOf(contestant, scenario, connections)
  const answers = await loadAtRate(target, prepared, throughput / 2)
  refuseFailures(answers, `${scenario.name} ${contestant.name}`, scenario.status)
  return quantile(answers.latenciesMs, 0.99)
}
