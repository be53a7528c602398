// A command that another process sent over the control socket, run here because the state is here.

import type { Deps } from '../deps.ts'
import type { ControlRequest, Output } from './control-socket.ts'
import { CommandError, commandOrigin, type Host } from './host.ts'
import { runProgram } from './run-program.ts'

const notSent = async (): Promise<never> => {
  throw new CommandError('The running Postern does not take this command.')
}

/** Runs it to its end; its exit code. */
export const runSentCommand = (deps: Deps, request: ControlRequest, output: Output): Promise<number> => {
  const { user, password, encryptionKeyId } = request
  const host: Host = {
    ...output,
    async readPassword() {
      if (password === null) throw new CommandError('No password was given.')
      return password
    },
    perform: (work) => work({ deps, origin: commandOrigin(deps.clock(), user), encryptionKeyId }),
    migrate: async () => [],
    serve: notSent,
  }
  return runProgram(host, request.arguments)
}
