// The ephemeral contract on Redis (6.2 or newer): one server, Sentinel or Cluster.
// Every operation is one command or one script of `lua/`, so it is atomic and costs one round trip.
import type { Ephemeral } from '../ephemeral.ts'
import { redisBudgets, redisCounters } from './budgets.ts'
import { redisChallenges, redisEnrollments } from './challenges.ts'
import { openRedisChanges } from './changes.ts'
import { redisCodes } from './codes.ts'
import { connectSubscriber, openClient, type RedisLog } from './connection.ts'
import { redisGuesses } from './guesses.ts'
import { redisPushedRequests, redisReplays } from './protocol.ts'
import { redisAsker, redisKeys, scriptRunner } from './scripts.ts'
import { redisSessions } from './sessions.ts'
import { parseRedisUrl } from './url.ts'
import { redisVersions, versionNames } from './versions.ts'

export type RedisEphemeralOptions = {
  url: string
  /** Every key and channel begins with it; `postern:` by default. */
  keyPrefix?: string
  log: RedisLog
  /** How long opening waits for Redis. */
  readyTimeoutMs?: number
}

/**
 * Opens the connections and waits until they are ready.
 * @throws {DependencyError} Redis is not ready in time; opening may be tried again.
 */
export const openRedisEphemeral = async (options: RedisEphemeralOptions): Promise<Ephemeral> => {
  const { url, keyPrefix = 'postern:', log, readyTimeoutMs = 1500 } = options
  const target = parseRedisUrl(url)
  const keys = redisKeys(keyPrefix)
  const client = await openClient(target, log, readyTimeoutMs)
  const ask = redisAsker(client)
  const run = scriptRunner(client, ask)
  const newVersion = versionNames()
  const publish = (topic: string) => ask(() => client.publish(keys.changed, topic))
  const connect = (attempt: number) => connectSubscriber(target, attempt)
  const subscription = { channel: keys.changed, withinMs: readyTimeoutMs }
  const changes = await openRedisChanges(connect, publish, subscription).catch((error) => {
    client.disconnect()
    throw error
  })
  // Before a command is answered by whatever server it is now.
  for (const event of ['ready', '+node', '-node']) client.on(event, changes.reconnected)
  return {
    kind: 'redis',
    challenges: redisChallenges(run, keys, newVersion),
    enrollments: redisEnrollments(run, keys),
    budgets: redisBudgets({ client, ask, run }, { keys, newVersion }),
    versions: redisVersions(run, keys, newVersion),
    sessions: redisSessions(run, keys, newVersion),
    guesses: redisGuesses({ client, ask, run }, keys),
    counters: redisCounters({ client, ask, run }, keys),
    codes: redisCodes(run, keys, newVersion),
    pushedRequests: redisPushedRequests({ client, ask, run }, keys),
    replays: redisReplays({ client, ask, run }, keys),
    changes,
    async ping() {
      await ask(() => client.ping())
    },
    async close() {
      changes.close()
      client.disconnect()
    },
  }
}
