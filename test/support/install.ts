// Packages and processes as on another machine: without this run's npm settings, coverage and variables.
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { VARIABLES } from '../../src/config.ts'

const OURS =
  /^(npm_(package|lifecycle|command|execpath|node)|npm_config_(local|global)?_?prefix$|INIT_CWD$|NODE_ENV$|_?TAP)/
const isPosterns = (name: string): boolean => name.replace(/_FILE$/, '') in VARIABLES

const outerPath = (): string[] => (process.env.PATH ?? '').split(delimiter)

/** The environment without what this run of npm and tap has put there; the Node of this run first on PATH. */
export const strangersEnvironment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !OURS.test(name) && !isPosterns(name)),
  ),
  PATH: [dirname(process.execPath), ...outerPath().filter((folder) => !folder.includes('node_modules'))].join(
    delimiter,
  ),
})

// tap gives every process its loader, which the TypeScript compiler does not start under.
const WITHOUT_TAP = ['--unset=NODE_OPTIONS']

/** A folder outside of the repository, because the node_modules there would hide what is missing. Removed after the test. */
export const emptyFolder = async (t: Test): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'postern-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Runs a shell command; rejects with its output if it fails. */
export const shell = async (command: string, cwd: string): Promise<string> => {
  const { stdout } = await promisify(execFile)('env', [...WITHOUT_TAP, 'sh', '-c', command], {
    cwd,
    env: strangersEnvironment(),
    maxBuffer: 16 * 1024 * 1024,
  })
  return stdout
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

export type Served = {
  url: string
  /** What it has printed so far. */
  output: () => string
  /** Sends SIGTERM; how the process ended. */
  stop: () => Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

const isReady = async (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  )

/** Starts `postern serve` on a free port and waits until /readyz says 200. */
export const serve = async (
  command: string,
  args: string[],
  options: SpawnOptions & { env: NodeJS.ProcessEnv; readyWithinMs: number },
): Promise<Served> => {
  const port = await freePort()
  const child: ChildProcess = spawn('env', [...WITHOUT_TAP, command, ...args], {
    ...options,
    env: { ...strangersEnvironment(), ...options.env, HOST: '127.0.0.1', PORT: `${port}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk) => {
      output += chunk
    })
  }
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', (error) => {
      output += error.message
      resolve({ code: null, signal: null })
    })
  })
  const url = `http://127.0.0.1:${port}`
  const deadline = Date.now() + options.readyWithinMs
  while (!(await isReady(url))) {
    const over = child.exitCode !== null || child.pid === undefined || Date.now() > deadline
    if (over) {
      child.kill('SIGKILL')
      throw new Error(`not ready within ${options.readyWithinMs} ms:\n${output}`)
    }
    await sleep(100)
  }
  const stop = async () => {
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000)
    return exited.finally(() => clearTimeout(late))
  }
  return { url, output: () => output, stop }
}
