// The connections to Redis: they fail fast, reconnect by themselves, and log each loss and each return once.
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { DependencyError } from '../../errors.ts'
import type { RedisTarget } from './url.ts'

export type RedisClient = Redis | Cluster

// The library's own type of this member does not work with exactOptionalPropertyTypes.
type Options = Omit<RedisOptions, 'replyMapping'>

export type RedisLog = {
  info: (details: object, message: string) => void
  warn: (details: object, message: string) => void
}

const LONGEST_RETRY_MS = 500

const retryDelayMs = (attempt: number): number => Math.min(attempt * 50, LONGEST_RETRY_MS)

// A command is sent at most once: one that was in flight when the connection was lost may have run, and a rotation
// that is sent twice looks like a stolen refresh token.
const SETTINGS: Options = {
  connectTimeout: 1000,
  // For a server that is there but silent: the connection is closed, and the next one may reach another server.
  // Commands have a shorter limit of their own (`redisAsker`), which includes the wait for the batch before them. The
  // library's timer for commands is not used as well: it would cost as much as the command.
  socketTimeout: 1500,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  retryStrategy: retryDelayMs,
  // After a failover behind one address, the old connection may lead to what is now a replica.
  reconnectOnError: (error) => error.message.includes('READONLY'),
}

const access = ({ username, password, tls }: RedisTarget): Options => ({
  ...(username === null ? {} : { username }),
  ...(password === null ? {} : { password }),
  ...(tls ? { tls: {} } : {}),
})

const sentinelOptions = (target: RedisTarget & { kind: 'sentinel' }): Options => ({
  sentinels: target.sentinels,
  name: target.masterName,
  db: target.db,
  // Sentinels that ask for a password are commonly given the servers' own.
  ...(target.username === null ? {} : { sentinelUsername: target.username }),
  ...(target.password === null ? {} : { sentinelPassword: target.password }),
  ...(target.tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
  sentinelCommandTimeout: 800,
  sentinelRetryStrategy: retryDelayMs,
  // A master that was cut off from the others still accepts writes, which are lost; its connection is closed at once.
  failoverDetector: true,
})

const clusterOptions = (target: RedisTarget) => {
  const { retryStrategy, enableOfflineQueue, ...settings } = SETTINGS
  return {
    redisOptions: { ...settings, ...access(target) },
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryDelayMs,
    // Never sent twice; see above.
    retryDelayOnFailover: 0,
    slotsRefreshTimeout: 800,
    slotsRefreshInterval: 5000,
    // Certificates name hosts, not addresses.
    ...(target.tls ? { dnsLookup: (host, found) => found(null, host) } : {}),
  } satisfies ClusterOptions
}

const serverOptions = (target: RedisTarget & { kind: 'single' | 'sentinel' }): Options => {
  const place =
    target.kind === 'sentinel'
      ? sentinelOptions(target)
      : { host: target.host, port: target.port, db: target.db }
  return { ...SETTINGS, ...access(target), ...place }
}

const connect = (target: RedisTarget): RedisClient =>
  target.kind === 'cluster'
    ? new Cluster(target.nodes, clusterOptions(target))
    : new Redis(serverOptions(target))

/**
 * What is asked of one server in one turn of the event loop is sent to it in one write.
 * Decision: not the library's auto-pipelining, which only a cluster needs. It puts every batch into a Map and takes it out
 * again. Such a Map often replaces its table, V8 lets each old table hold the next one, and so the requests of a batch
 * outlive it: the garbage collector had several times as much to move.
 */
export const togetherOn = (client: RedisClient): (() => void) => {
  let isHeld = false
  return () => {
    if (isHeld || client instanceof Cluster || client.status !== 'ready') return
    const { stream } = client
    isHeld = true
    stream.cork()
    setImmediate(() => {
      isHeld = false
      stream.uncork()
    })
  }
}

/** A connection for subscriptions. It does not reconnect by itself: its owner opens the next one. */
export const connectSubscriber = (target: RedisTarget, attempt: number): Redis => {
  const settings: Options = { retryStrategy: () => null, lazyConnect: true }
  if (target.kind !== 'cluster') return new Redis({ ...serverOptions(target), ...settings })
  // Every node of a cluster receives every publication, so when one is away, another one serves.
  const node = target.nodes[attempt % target.nodes.length]
  return new Redis({ ...SETTINGS, ...access(target), ...node, ...settings })
}

const logLossAndReturn = (client: RedisClient, log: RedisLog): void => {
  let lost = false
  client.on('close', () => {
    if (!lost) log.warn({}, 'the connection to Redis is lost')
    lost = true
  })
  client.on('ready', () => {
    if (lost) log.info({}, 'the connection to Redis is back')
    lost = false
  })
}

/** @throws {DependencyError} Redis was not ready within `readyTimeoutMs`; the connection is closed then. */
export const openClient = async (
  target: RedisTarget,
  log: RedisLog,
  readyTimeoutMs: number,
): Promise<RedisClient> => {
  const client = connect(target)
  let lastError = `not ready within ${readyTimeoutMs} ms`
  // Without a listener, the loss of a connection would end the process.
  client.on('error', (error: Error) => {
    lastError = error.message
  })
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(resolve, readyTimeoutMs, false)
  client.once('ready', () => resolve(true))
  const ready = await promise
  clearTimeout(timer)
  if (!ready) {
    client.disconnect()
    throw new DependencyError('redis', lastError)
  }
  logLossAndReturn(client, log)
  return client
}
