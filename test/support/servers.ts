// Real servers for tests. A test file shares one Redis and one PostgreSQL with the whole run
// (`sharedRedis`, `sharedPostgres`) and keeps to its own key prefix and its own database; a test that
// stops, pauses or kills a server starts a private one.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import {
  findProgram,
  freePort,
  runServer,
  type Server,
  temporaryFolder,
  unprivilegedUser,
} from './server-process.ts'

export type ServerKind = 'redis' | 'postgres'

const PROGRAMS = { redis: ['redis-server'], postgres: ['initdb', 'postgres'] } as const

/**
 * Why tests that need this server are skipped, as tap's `skip` takes it; false where it is installed.
 * @throws {Error} it is missing and `REQUIRE_SERVERS=1` is set.
 */
export const missingServer = (kind: ServerKind): string | false => {
  const missing = PROGRAMS[kind].find((name) => findProgram(name) === null)
  if (missing === undefined) return false
  const reason = `skipped: ${missing} is not installed, so nothing that needs ${kind} is tested here`
  if (process.env.REQUIRE_SERVERS === '1') throw new Error(reason)
  return reason
}

const program = (name: string): string => {
  const path = findProgram(name)
  if (path === null) throw new Error(`${name} is not installed`)
  return path
}

const LOOPBACK = '127.0.0.1'

/** One connection for setting up; it neither waits nor comes back. */
const connectOnce = async (port: number): Promise<Redis> => {
  const options = { lazyConnect: true, connectTimeout: 500, commandTimeout: 500, retryStrategy: () => null }
  const redis = new Redis(port, LOOPBACK, options)
  redis.on('error', () => {})
  await redis.connect()
  return redis
}

const probeRedis = async (port: number): Promise<void> => {
  const socket = connect(port, LOOPBACK)
  socket.write('PING\r\n')
  const [answer] = await once(socket, 'data', { signal: AbortSignal.timeout(500) })
  socket.destroy()
  if (!/^(\+PONG|-NOAUTH)/.test(`${answer}`)) throw new Error(`${answer}`)
}

/** A private Redis that keeps nothing on disk: a restart empties it, and forgets its scripts. */
export const startRedis = async (...extra: string[]): Promise<Server> => {
  const port = await freePort()
  return runServer({
    port,
    url: `redis://${LOOPBACK}:${port}`,
    folder: temporaryFolder('redis'),
    command: program('redis-server'),
    args: ['--port', `${port}`, '--bind', LOOPBACK, '--save', '', '--appendonly', 'no', ...extra],
    stopSignal: 'SIGTERM',
    user: null,
    probe: () => probeRedis(port),
  })
}

export type RedisCluster = { url: string; nodes: Server[]; stop(): Promise<void> }

const SLOTS = 16384

const untilClusterIsReady = async (nodes: Redis[]): Promise<void> => {
  for (;;) {
    const states = await Promise.all(nodes.map((node) => node.cluster('INFO')))
    const isReady = (state: unknown) =>
      /cluster_state:ok/.test(`${state}`) && `${state}`.includes(`cluster_known_nodes:${nodes.length}\r`)
    if (states.every(isReady)) return
    await sleep(50)
  }
}

/** A private cluster of three masters. */
export const startRedisCluster = async (): Promise<RedisCluster> => {
  const startNode = async () =>
    startRedis(
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      `${await freePort()}`,
      '--cluster-node-timeout',
      '2000',
    )
  const nodes = await Promise.all([startNode(), startNode(), startNode()])
  const connections = await Promise.all(nodes.map(({ port }) => connectOnce(port)))
  const share = Math.ceil(SLOTS / nodes.length)
  for (const [i, connection] of connections.entries()) {
    const [first, last] = [i * share, Math.min((i + 1) * share, SLOTS) - 1]
    await connection.call('CLUSTER', 'ADDSLOTSRANGE', first, last)
    const busPort = await connection.config('GET', 'cluster-port')
    for (const other of connections) {
      const { port } = nodes[i] ?? {}
      await other.call('CLUSTER', 'MEET', LOOPBACK, `${port}`, `${busPort[1]}`)
    }
  }
  await untilClusterIsReady(connections)
  for (const connection of connections) connection.disconnect()
  return {
    url: `redis+cluster://${nodes.map(({ port }) => `${LOOPBACK}:${port}`).join(',')}`,
    nodes,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

const probePostgres = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 })
  await client.connect()
  await client.end()
}

/** A private PostgreSQL with an empty cluster of databases. It syncs to disk, as in production. */
export const startPostgres = async (): Promise<Server> => {
  const user = unprivilegedUser('postgres')
  const folder = temporaryFolder('postgres', user)
  const data = join(folder, 'data')
  const port = await freePort()
  const url = `postgres://postgres@${LOOPBACK}:${port}/postgres`
  const initdb = ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--no-locale', '--no-sync']
  execFileSync(program('initdb'), initdb, { cwd: folder, stdio: 'ignore', ...user })
  const settings = { listen_addresses: LOOPBACK, unix_socket_directories: folder, max_connections: 200 }
  return runServer({
    port,
    url,
    folder,
    command: program('postgres'),
    args: ['-D', data, '-p', `${port}`, ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`])],
    // A fast shutdown: it does not wait for clients to leave.
    stopSignal: 'SIGINT',
    user,
    probe: () => probePostgres(url),
  })
}

/** The URL of a new, empty database. */
export const createDatabase = async (postgres: { url: string }): Promise<string> => {
  const name = `test_${randomBytes(8).toString('hex')}`
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  await client.query(`CREATE DATABASE ${name}`)
  await client.end()
  return postgres.url.replace(/[^/]*$/, name)
}

/** A key prefix that no other test has. */
export const newKeyPrefix = (): string => `test-${randomBytes(6).toString('hex')}:`

/** Where the servers of a tap run leave their URLs; the run is known by its process id. */
export const sharedServersFolder = (tapPid: number): string => join(tmpdir(), `postern-test-run-${tapPid}`)

const SHARED_WITHIN_MS = 30_000

const sharedUrl = async (kind: ServerKind): Promise<{ url: string }> => {
  const file = join(sharedServersFolder(process.ppid), kind)
  for (const deadline = Date.now() + SHARED_WITHIN_MS; Date.now() < deadline; await sleep(50)) {
    try {
      return { url: readFileSync(file, 'utf8') }
    } catch {}
  }
  throw new Error(`the run's ${kind} is not there: run tests with tap, which starts it`)
}

/** The run's Redis. Others use it too: keep to `newKeyPrefix()`, and neither stop nor pause it. */
export const sharedRedis = (): Promise<{ url: string }> => sharedUrl('redis')

/** The run's PostgreSQL. Others use it too: keep to `createDatabase()`, and neither stop nor pause it. */
export const sharedPostgres = (): Promise<{ url: string }> => sharedUrl('postgres')
