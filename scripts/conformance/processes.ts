// The servers of a run: started, waited for, and stopped by their ids, however the run ends.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConformanceError } from './requirements.ts'

export type Running = { stop(): Promise<void> }

export type Program = {
  name: string
  command: string
  options: string[]
  env?: NodeJS.ProcessEnv
  /** What it prints goes there. */
  log: string
  /** True as soon as it answers. */
  isReady: () => Promise<boolean>
}

const START_WITHIN_MS = 180_000
const STOP_WITHIN_MS = 10_000
const LAST_LINES = 25

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new ConformanceError('There is no free port.')
  return address.port
}

export const answers = async (url: string, headers: Record<string, string> = {}): Promise<boolean> => {
  try {
    return (await fetch(url, { headers, signal: AbortSignal.timeout(3_000) })).ok
  } catch {
    return false
  }
}

const untilReady = async ({ name, log, isReady }: Program, child: ChildProcess): Promise<void> => {
  const deadline = Date.now() + START_WITHIN_MS
  while (!(await isReady())) {
    if (child.exitCode !== null || Date.now() > deadline) {
      const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LAST_LINES)
      throw new ConformanceError(`${name} did not start (${log}):\n${lines.join('\n')}`)
    }
    await sleep(200)
  }
}

/** @throws {ConformanceError} with its last lines, where it does not answer in time. */
export const start = async (program: Program): Promise<Running> => {
  const output = openSync(program.log, 'a')
  const child = spawn(program.command, program.options, {
    stdio: ['ignore', output, output],
    env: { ...process.env, ...program.env },
  })
  const exited = once(child, 'exit')
  // However the run ends, it leaves no process behind.
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  await untilReady(program, child)
  return {
    async stop() {
      child.kill('SIGTERM')
      const killing = setTimeout(kill, STOP_WITHIN_MS)
      await exited
      clearTimeout(killing)
      process.off('exit', kill)
    },
  }
}
