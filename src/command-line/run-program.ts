import { CommanderError } from 'commander'
import { describeFailure } from './describe-failure.ts'
import type { Host } from './host.ts'
import { buildProgram } from './program.ts'

/** Runs a command over a host; its exit code. What goes wrong is written to the host's error output. */
export const runProgram = async (host: Host, commandArguments: readonly string[]): Promise<number> => {
  try {
    await buildProgram(host).parseAsync(commandArguments, { from: 'user' })
    return 0
  } catch (error) {
    const message = describeFailure(error)
    if (message !== null) host.err(message)
    return error instanceof CommanderError ? error.exitCode : 1
  }
}
