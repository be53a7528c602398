// Challenge verification while strangers flood the login with wrong passwords: from many networks and for many
// names, so that no throttle ends it early and each of them reaches the password hashing, or its bounded queue.
import { setTimeout as sleep } from 'node:timers/promises'
import { median, quantile } from './compare.ts'
import { postJson } from './connection.ts'
import { each, load, refuseFailures } from './load.ts'
import type { Bench } from './prepare.ts'
import type { UnderTest } from './processes.ts'
import type { Scenario } from './scenarios.ts'

const VERIFIERS = 32
const FLOODERS = 64

export type Flood = {
  /** Medians of the rounds' p99, by turns without and with the flood. */
  quietP99Ms: number
  floodedP99Ms: number
  ratio: number
  /** Answers to the flood by status. 401: hashed and wrong; 503: the queue was full. */
  statuses: Map<number, number>
}

let strangers = 0
const wrongLogin = (): Buffer => {
  const n = strangers++
  const address = `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`
  const body = { username: `stranger-${n}`, password: 'not the password of anyone' }
  return postJson('/v1/login', body, { 'x-forwarded-for': address })
}

const verify = async (postern: UnderTest, bench: Bench, scenario: Scenario, requests: number) => {
  const answers = await load(
    { ports: [postern.port], connections: VERIFIERS, expected: scenario.expected },
    each(await scenario.prepare(bench, requests)),
  )
  refuseFailures(answers, scenario.name)
  return quantile(answers.latenciesMs, 0.99)
}

const verifyFlooded = async (postern: UnderTest, bench: Bench, scenario: Scenario, requests: number) => {
  let over = false
  const flood = load({ ports: [postern.port], connections: FLOODERS, expected: [] }, () =>
    over ? null : wrongLogin(),
  )
  // Until the queue has filled.
  await sleep(500)
  const p99Ms = await verify(postern, bench, scenario, requests).finally(() => {
    over = true
  })
  return { p99Ms, statuses: (await flood).statuses }
}

/** Measures in rounds, by turns quiet and flooded, after one to warm up. `scenario` is challenge verification. */
export const measureFlood = async (
  postern: UnderTest,
  bench: Bench,
  scenario: Scenario,
  { rounds, requests }: { rounds: number; requests: number },
): Promise<Flood> => {
  const quiet: number[] = []
  const flooded: number[] = []
  const statuses = new Map<number, number>()
  await verify(postern, bench, scenario, requests)
  for (let round = 0; round < rounds; round += 1) {
    quiet.push(await verify(postern, bench, scenario, requests))
    const result = await verifyFlooded(postern, bench, scenario, requests)
    flooded.push(result.p99Ms)
    for (const [status, count] of result.statuses) statuses.set(status, (statuses.get(status) ?? 0) + count)
  }
  const ratio = median(flooded.map((p99Ms, i) => p99Ms / (quiet[i] ?? Number.NaN)))
  return { quietP99Ms: median(quiet), floodedP99Ms: median(flooded), ratio, statuses }
}
