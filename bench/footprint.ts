// What one process and one challenge take: how long a start takes, what an idle server holds, and what Redis
// holds for a pending challenge.
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { CONNECTIONS, median } from './compare.ts'
import { each, load, refuseFailures } from './load.ts'
import type { Bench } from './prepare.ts'
import { PROGRAMS, rssMb, startUnderTest, type UnderTest } from './processes.ts'
import { openings } from './scenarios.ts'

/** Long enough for a server to have freed the memory of its start. */
const IDLE_MS = 5_000

export type Start = { startedInMs: number; idleRssMb: number }

/** Medians over `starts` starts with migrations applied: spawned until it listens, and resident when idle. */
export const measureStart = async (environment: Record<string, string>, starts: number): Promise<Start> => {
  const measured: Start[] = []
  for (let i = 0; i < starts; i += 1) {
    const server = await startUnderTest(PROGRAMS.postern, environment)
    await sleep(IDLE_MS)
    measured.push({ startedInMs: server.startedInMs, idleRssMb: rssMb(server) })
    await server.stop()
  }
  return {
    startedInMs: median(measured.map(({ startedInMs }) => startedInMs)),
    idleRssMb: median(measured.map(({ idleRssMb }) => idleRssMb)),
  }
}

const usedBytes = async (redis: Redis): Promise<number> =>
  Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])

/** Bytes of Redis for one pending challenge, opened through Postern for accounts that have none yet. */
export const measureChallengeBytes = async (
  postern: UnderTest,
  { bench, redisUrl }: { bench: Bench; redisUrl: string },
): Promise<number> => {
  const redis = new Redis(redisUrl)
  await redis.flushdb()
  const requests = await openings(bench, bench.accounts.length)
  const before = await usedBytes(redis)
  const target = { ports: [postern.port], connections: CONNECTIONS, expected: ['challenge_token'] }
  refuseFailures(await load(target, each(requests)), 'challenge opening')
  const bytes = (await usedBytes(redis)) - before
  redis.disconnect()
  return bytes / requests.length
}
