// Postern as its users run it: `postern serve` in a process of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePort } from './server-process.ts'

export const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const START_WITHIN_MS = 30_000

export type PosternProcess = {
  url: string
  process: ChildProcess
  /** What it has printed so far, on both streams. */
  output: () => string
  /** Stops it by SIGTERM; returns its exit code. */
  stop: () => Promise<number | null>
  /** Kills it, as if the power had failed. */
  kill: () => Promise<void>
}

/** Runs `postern serve` with this environment, on a free port by default, and waits until it has said that it is ready. */
export const startPostern = async (environment: Record<string, string>): Promise<PosternProcess> => {
  const port = environment.PORT ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    env: { ...process.env, PORT: String(port), HOST: '127.0.0.1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const exited = once(child, 'exit')
  const deadline = Date.now() + START_WITHIN_MS
  // It listens a moment before there is an administrator, and before it closes in order.
  while (!output.includes(' is ready on ') || !(await answers(url))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`postern did not start:\n${output}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url,
    process: child,
    output: () => output,
    async stop() {
      child.kill('SIGTERM')
      const [code] = await exited
      return code
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

const answers = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(`${url}/healthz`)).ok
  } catch {
    return false
  }
}

/** Runs `postern` with these arguments to its end, for what ends by itself: a command, or a start that fails. */
export const runPostern = async (
  commandArguments: string[],
  environment: Record<string, string>,
  input = '',
): Promise<{ code: number | null; output: string }> => {
  const child = spawn(process.execPath, [MAIN, ...commandArguments], {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  return { code, output }
}
