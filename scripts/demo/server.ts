// Which Postern the demo talks to: one that runs already, or one of its own in a temporary folder.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { VARIABLES } from '../../src/config.ts'
import type { Narrator } from './narrator.ts'
import { DemoError } from './postern.ts'
import { canAsk } from './prompt.ts'

export type DemoServer = {
  url: string
  /** Null: it has to be asked for. */
  administrator: { username: string; password: string | null }
  /** Started by the demo: nobody else's second factors are in it. */
  own: boolean
  stop(): Promise<void>
  /** When it has ended by itself; never, where it is not the demo's own. */
  ended(): Promise<unknown>
}

const DEFAULT_URL = 'http://localhost:8400'
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const START_WITHIN_MS = 60_000

const isPostern = async (url: string): Promise<boolean> => {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3_000) })
    return (await response.text()).includes('"signing_keys"')
  } catch {
    return false
  }
}

const running = (url: string): DemoServer => ({
  url,
  administrator: {
    username: process.env.POSTERN_ADMIN_USERNAME || 'admin',
    password: process.env.POSTERN_ADMIN_PASSWORD || null,
  },
  own: false,
  stop: async () => {},
  ended: () => new Promise(() => {}),
})

/** The server named by `--url` or the environment, else the one at its usual place, else one of its own. */
export const findServer = async (
  { url, own }: { url?: string | undefined; own?: boolean | undefined },
  narrator: Narrator,
): Promise<DemoServer> => {
  if (own) return startOwnServer()
  const named = url ?? process.env.POSTERN_URL ?? process.env.POSTERN_ISSUER
  if (named) {
    if (await isPostern(named)) return running(named.replace(/\/$/, ''))
    throw new DemoError(`No Postern answers at ${named}. Start one (npm start), or let the demo: --own.`)
  }
  if (!(await isPostern(DEFAULT_URL))) return startOwnServer()
  if (running(DEFAULT_URL).administrator.password || canAsk()) return running(DEFAULT_URL)
  narrator.say(
    `A Postern runs at ${DEFAULT_URL}; to use it, set POSTERN_ADMIN_PASSWORD, which its first start has printed.`,
  )
  return startOwnServer()
}

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new DemoError('There is no free port.')
  return address.port
}

/** The environment without the settings of another Postern: its database, its Redis, its keys. */
export const withoutSettings = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !(name.replace(/_FILE$/, '') in VARIABLES)),
  )

const startOwnServer = async (): Promise<DemoServer> => {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const folder = mkdtempSync(join(tmpdir(), 'postern-demo-'))
  const administrator = { username: 'admin', password: randomBytes(18).toString('base64url') }
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...withoutSettings(),
      PORT: String(port),
      POSTERN_ISSUER: url,
      POSTERN_DATA_DIR: folder,
      POSTERN_ADMIN_USERNAME: administrator.username,
      POSTERN_ADMIN_PASSWORD: administrator.password,
      LOG_LEVEL: 'warn',
    },
  })
  const exited = once(child, 'exit')
  // However the demo ends, it leaves neither a process nor a folder behind.
  const remove = () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', remove)
  await untilReady(url, child)
  return {
    url,
    administrator,
    own: true,
    ended: () => exited,
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

const untilReady = async (url: string, child: ChildProcess): Promise<void> => {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
  const deadline = Date.now() + START_WITHIN_MS
  // It listens a moment before its administrator is made.
  while (!output.includes(' is ready on ') || !(await isPostern(url))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new DemoError(`The demo's own server did not start:\n${output}`)
    }
    await sleep(100)
  }
}
