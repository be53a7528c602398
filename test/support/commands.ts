import type { Host } from '../../src/command-line/host.ts'
import { commandOrigin } from '../../src/command-line/host.ts'
import { runProgram } from '../../src/command-line/run-program.ts'
import type { TestApp } from './app.ts'

export type Ran = { code: number; out: string; err: string }

/** Runs a command over the dependencies of a test app, as the operating system's user `operator`. */
export const runCommand = async (
  postern: TestApp,
  commandArguments: string[],
  { password = '', encryptionKeyId = null }: { password?: string; encryptionKeyId?: string | null } = {},
): Promise<Ran> => {
  const out: string[] = []
  const err: string[] = []
  const host: Host = {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    readPassword: async () => password,
    perform: (work) =>
      work({ deps: postern.deps, origin: commandOrigin(postern.now(), 'operator'), encryptionKeyId }),
    migrate: async () => postern.deps.migrated,
    serve: async () => {},
  }
  const code = await runProgram(host, commandArguments)
  return { code, out: out.join('\n'), err: err.join('\n') }
}
