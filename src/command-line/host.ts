// What commands are given: where they write, how they ask, and how they reach Postern's state. The command line has a
// host, and the running server has one for the commands that are sent to it.
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import type { Output } from './control-socket.ts'

/** What a command works on; `origin` names the operating system's user as the actor. */
export type Context = {
  deps: Deps
  origin: Origin
  /** The first encryption key of the environment it was typed in, where that may differ from the dependencies'. */
  encryptionKeyId: string | null
}

export const commandOrigin = (now: Date, user: string): Origin => ({
  now,
  requestId: null,
  ip: null,
  userAgent: null,
  actor: { type: 'command_line', id: user },
})

export type Host = Output & {
  /** A new password: typed twice at a terminal, else read from standard input. */
  readPassword(): Promise<string>
  /** Runs `work` over open dependencies, or has the process run the command that holds them. */
  perform(work: (context: Context) => Promise<void>): Promise<void>
  /** Applies migrations; the names of those that were missing, or null where another process has printed them. */
  migrate(): Promise<string[] | null>
  /** Serves until a signal stops it. */
  serve(): Promise<void>
}

/** Ends a command with a message of one line, and not as a defect. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** For an option that may be repeated. An option that takes a list would also take the command's argument. */
export const collected = (value: string, before: string[] = []): string[] => [...before, value]
