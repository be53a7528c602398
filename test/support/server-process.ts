// One real server for tests: its process, its port and its temporary folder.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type Server = {
  url: string
  port: number
  /** Of the process that runs now. */
  readonly pid: number
  /** Asks it to end, and waits. */
  stop(): Promise<void>
  /** Runs it again, on the same port and data, and waits until it answers. */
  start(): Promise<void>
  /** It neither answers nor closes a connection until it is resumed. */
  pause(): void
  resume(): void
  /** As if the power had failed. */
  kill(): Promise<void>
}

export type ServerPlan = {
  port: number
  url: string
  folder: string
  command: string
  args: string[]
  /** The signal that ends it soon and in order. */
  stopSignal: NodeJS.Signals
  /** The account it runs as; null for this process's own. */
  user: User | null
  /** Throws while it does not answer yet. */
  probe: () => Promise<void>
}

type User = { uid: number; gid: number }

const START_WITHIN_MS = 20_000
const DEBIAN_POSTGRES = '/usr/lib/postgresql/*/bin'

/** The path of a server's program, or null where it is not installed. */
export const findProgram = (name: string): string | null => {
  const folders = [
    ...(process.env.PATH ?? '').split(':'),
    ...globSync(DEBIAN_POSTGRES).toSorted().toReversed(),
  ]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}

/** PostgreSQL refuses to run as root. */
export const unprivilegedUser = (name: string): User | null => {
  if (process.getuid?.() !== 0) return null
  const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

// Last in, first out: a server is ended before its folder is removed.
const atExit: (() => void)[] = []
process.once('exit', () => {
  for (const cleanUp of atExit.toReversed()) cleanUp()
})

/** A folder that is gone when this process is. */
export const temporaryFolder = (name: string, user: User | null = null): string => {
  const folder = mkdtempSync(join(tmpdir(), `postern-test-${name}-`))
  if (user) chownSync(folder, user.uid, user.gid)
  atExit.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const untilAnswering = async ({ command, probe }: ServerPlan, child: ChildProcess): Promise<void> => {
  const deadline = Date.now() + START_WITHIN_MS
  for (;;) {
    try {
      return await probe()
    } catch (cause) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${command} did not start`, { cause })
      }
      await sleep(20)
    }
  }
}

const spawnGuarded = ({ command, args, folder, user }: ServerPlan): ChildProcess => {
  // The kernel ends the server with this process, however that ends. Elsewhere than on Linux, the exit
  // handler has to do.
  const guard = findProgram('setpriv')
  const [program = '', ...rest] = guard
    ? [guard, '--pdeathsig', 'KILL', command, ...args]
    : [command, ...args]
  return spawn(program, rest, { cwd: folder, stdio: 'ignore', ...user })
}

const childrenOf = (pid: number | undefined): number[] => {
  const file = `/proc/${pid}/task/${pid}/children`
  return existsSync(file) ? (readFileSync(file, 'utf8').match(/\d+/g) ?? []).map(Number) : []
}

export const runServer = async (plan: ServerPlan): Promise<Server> => {
  let child: ChildProcess
  const signal = (name: NodeJS.Signals) => {
    child.kill(name)
  }
  // PostgreSQL answers each connection from a process of its own.
  const signalAll = (name: NodeJS.Signals) => {
    signal(name)
    for (const pid of childrenOf(child.pid)) {
      try {
        process.kill(pid, name)
      } catch {
        // It has ended meanwhile.
      }
    }
  }
  const end = async (name: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.ref()
    const exited = once(child, 'exit')
    child.kill(name)
    // A paused process reacts to no other signal.
    signalAll('SIGCONT')
    await exited
  }
  const start = async () => {
    child = spawnGuarded(plan)
    child.unref()
    await untilAnswering(plan, child)
  }
  atExit.push(() => signal('SIGKILL'))
  await start()
  return {
    url: plan.url,
    port: plan.port,
    get pid() {
      return child.pid ?? 0
    },
    start,
    stop: () => end(plan.stopSignal),
    kill: () => end('SIGKILL'),
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
  }
}
