// The servers under test, each a process on its own core, and their CPU time and memory. Redis, PostgreSQL
// and the load share the other core.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import {
  findProgram,
  freePort,
  runServer,
  type Server,
  temporaryFolder,
} from '../test/support/server-process.ts'

/** As in production. */
const NODE_OPTIONS = ['--max-semi-space-size=32']
const SERVER_CORE = '0'
const LAST_CORE = availableParallelism() - 1
const OTHER_CORES = `1-${LAST_CORE}`
export const ALL_CORES = `0-${LAST_CORE}`
const TICKS_A_SECOND = Number(execFileSync('getconf', ['CLK_TCK']))

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** What `node` runs. */
export const PROGRAMS = {
  postern: [here('../src/main.ts'), 'serve'],
  floor: [here('floor/serve.ts')],
  betterAuth: [here('peers/serve-better-auth.ts')],
  oidcProvider: [here('peers/serve-oidc-provider.ts')],
} as const

/** This process leaves the first core to the server under test, and so does everything it starts. */
export const leaveServerCore = (): void => {
  if (LAST_CORE < 1 || findProgram('taskset') === null)
    throw new Error('The bench needs two cores, and taskset (util-linux) to keep them apart.')
  execFileSync('taskset', ['-apc', OTHER_CORES, `${process.pid}`])
}

export type UnderTest = Server & { startedInMs: number }

const probe = async (port: number): Promise<void> => {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
}

/** Starts a server under test; `cores` as taskset takes them. */
export const startUnderTest = async (
  program: readonly string[],
  environment: Record<string, string>,
  { cores = SERVER_CORE, nodeOptions = [] as string[] } = {},
): Promise<UnderTest> => {
  const port = await freePort()
  const variables = { NODE_ENV: 'production', ...environment, HOST: '127.0.0.1', PORT: `${port}` }
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const node = [process.execPath, ...NODE_OPTIONS, ...nodeOptions, ...program]
  const start = performance.now()
  const server = await runServer({
    port,
    url: `http://127.0.0.1:${port}`,
    folder: temporaryFolder('bench'),
    command: 'env',
    args: [...assignments, 'taskset', '-c', cores, ...node],
    stopSignal: 'SIGTERM',
    user: null,
    probe: () => probe(port),
  })
  return Object.assign(server, { startedInMs: performance.now() - start })
}

/** User and system time of a process and all its threads so far, in milliseconds. */
export const cpuMs = ({ pid }: Server): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // proc(5): the fields after the name, which is in brackets; utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND) * 1000
}

/** Resident memory of a process, in MB (10^6 bytes). */
export const rssMb = ({ pid }: Server): number => {
  const [, kb] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return (Number(kb) * 1024) / 1e6
}
