// The command line as it is typed: in its own process, with the environment's configuration, over dependencies that it
// opens itself or over those of the running server.
import { userInfo } from 'node:os'
import { type Config, readConfig } from '../config.ts'
import { openDatabase, openDeps } from '../deps.ts'
import { markFirstStartComplete } from '../postgres/embedded.ts'
import { migrate } from '../postgres/migrate.ts'
import { waitFor } from '../postgres/wait-for.ts'
import { createLog } from '../server/log.ts'
import { readPassword } from './commands/read-password.ts'
import {
  askControlSocket,
  type ControlHandler,
  holdControlSocket,
  needsControlSocket,
  type Output,
} from './control-socket.ts'
import { type Context, commandOrigin, type Host } from './host.ts'
import { runProgram } from './run-program.ts'

const output: Output = {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
}

/** Who reads the output may stop, as `head` does. The command still does its work, and is not a defect. */
const admitClosedOutput = (): void => {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}

/** A container may run as a user without a name. */
const userName = (): string => {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.()}`
  }
}

/** Standard output is for the command's results, so the log goes to standard error. */
const commandLog = (config: Config) => createLog(config.logLevel === 'info' ? 'warn' : config.logLevel, 2)

const sayBusy: ControlHandler = async (_request, { err }) => {
  err('Another postern command has the data folder open. Try again when it has ended.')
  return 1
}

/** Locks the data folder while `run` runs, where state is in it. */
const holding = async <T>(config: Config, run: () => Promise<T>): Promise<T> => {
  if (!needsControlSocket(config)) return run()
  const control = await holdControlSocket(config.dataDir, sayBusy)
  try {
    const result = await run()
    await markFirstStartComplete(config.dataDir)
    return result
  } finally {
    await control.close()
  }
}

const withDeps = async (config: Config, work: (context: Context) => Promise<void>): Promise<void> => {
  const deps = await openDeps(config, commandLog(config))
  try {
    const encryptionKeyId = null
    await work({ deps, origin: commandOrigin(deps.clock(), userName()), encryptionKeyId })
  } finally {
    await deps.close()
  }
}

const migrateHere = async (config: Config): Promise<string[]> => {
  const postgres = await openDatabase(config)
  try {
    return await waitFor('PostgreSQL', commandLog(config), () => migrate(postgres))
  } finally {
    await postgres.close()
  }
}

/** Runs what was typed; returns the exit code. `serve` returns once it listens, and goes on serving. */
export const runCommandLine = async (commandArguments: string[]): Promise<number> => {
  admitClosedOutput()
  let password: string | null = null
  let sentCode: number | null = null

  const send = async (config: Config): Promise<boolean> => {
    if (!needsControlSocket(config)) return false
    const encryptionKeyId = config.encryptionKeys?.[0]?.id ?? null
    const request = { arguments: commandArguments, password, user: userName(), encryptionKeyId }
    sentCode = await askControlSocket(config.dataDir, request, output)
    return sentCode !== null
  }
  const host: Host = {
    ...output,
    async readPassword() {
      password = await readPassword({ input: process.stdin, prompts: process.stderr })
      return password
    },
    async perform(work) {
      const config = readConfig()
      if (!(await send(config))) await holding(config, () => withDeps(config, work))
    },
    async migrate() {
      const config = readConfig()
      // The process that holds the data folder has applied them when it started, and says so.
      if (await send(config)) return null
      return holding(config, () => migrateHere(config))
    },
    async serve() {
      const { serve } = await import('./serve.ts')
      await serve(readConfig(), output)
    },
  }
  const code = await runProgram(host, commandArguments)
  return sentCode ?? code
}
