// The control socket of a data folder, by which `postern <command>` reaches the process that has the folder open: the
// embedded PostgreSQL can be open in one process only, and short-lived state may be in its memory. The socket is also
// the lock: a second process finds that it is answered, and stops. Only the same user can connect.
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { lstat, mkdir, rm, rmdir, stat } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { DataFolderError } from '../postgres/embedded.ts'

/** A command as the other process typed it; its password, if it asks for one, has been read there. */
export type ControlRequest = {
  arguments: string[]
  password: string | null
  user: string
  /** The first key of the other process's environment; null where it names none. */
  encryptionKeyId: string | null
}

/** Where a command writes. */
export type Output = { out(text: string): void; err(text: string): void }

/** Runs a command to its end and gives its exit code. */
export type ControlHandler = (request: ControlRequest, output: Output) => Promise<number>

type Line = { out: string } | { err: string } | { exit: number }

/** The kernel takes 107 bytes (103 on macOS), and cuts a longer path without an error. */
const MAX_PATH_BYTES = 100

/**
 * The temporary folder is everybody's: someone else may have made this folder, to receive passwords.
 * @throws {DataFolderError}
 */
const requirePrivate = async (folder: string): Promise<void> => {
  const found = await lstat(folder).catch(() => null)
  if (!found) return
  const { mode, uid } = found
  if (uid !== ownUid() || (mode & 0o077) !== 0)
    throw new DataFolderError(`${folder} is not a private folder of this user. Remove it, or set TMPDIR.`)
}

/** True where state lives in one process: in the embedded PostgreSQL, or in its memory. */
export const needsControlSocket = (config: Pick<Config, 'databaseUrl' | 'redisUrl'>): boolean =>
  config.databaseUrl === null || config.redisUrl === null

/** Where the control socket of a data folder is: in it, or in a private temporary folder where its path is too long. */
export const controlSocketPath = (dataDir: string): string => {
  const path = join(dataDir, 'control.sock')
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return path
  const name = hash('sha256', dataDir).slice(0, 16)
  return join(tmpdir(), `postern-${ownUid()}-${name}`, 'control.sock')
}

const ownUid = (): number => process.getuid?.() ?? 0

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

/**
 * `absent`: there is no such socket; `refused`: a crashed process has left it behind.
 * @throws {DataFolderError} it may not be reached, such as by another user
 */
const reach = async (path: string): Promise<Socket | 'absent' | 'refused'> => {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return socket
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'absent'
    if (code === 'ECONNREFUSED') return 'refused'
    throw new DataFolderError(`${path} cannot be reached (${code}). Run this as the user that runs Postern.`)
  }
}

const stateOf = async (path: string): Promise<'answered' | 'absent' | 'refused'> => {
  const reached = await reach(path)
  if (typeof reached === 'string') return reached
  reached.destroy()
  return 'answered'
}

const MOMENT_MS = 50
const TURN_ENDS_AFTER_MS = 5_000

/** Makes a folder that only one process can make at a time; false while another process has it. */
const takeTurn = async (folder: string): Promise<boolean> => {
  try {
    await mkdir(folder)
    return true
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  const made = await stat(folder).catch(() => null)
  // The process that made it has crashed during its turn.
  if (made && Date.now() - made.mtimeMs > TURN_ENDS_AFTER_MS) await rmdir(folder).catch(() => {})
  await sleep(MOMENT_MS)
  return false
}

/**
 * Removes a socket that no process answers; false where one does. One process at a time does this, so that the socket
 * that is removed is the one that was found stale, and not a new one.
 */
const removeStale = async (path: string): Promise<boolean> => {
  const state = await stateOf(path)
  if (state !== 'refused') return state === 'absent'
  const turn = `${path}.turn`
  if (!(await takeTurn(turn))) return true
  try {
    // A socket that is just being made answers a moment later.
    await sleep(MOMENT_MS)
    const later = await stateOf(path)
    if (later === 'refused') await rm(path)
    return later !== 'answered'
  } finally {
    await rmdir(turn)
  }
}

/** Binding makes the file, or fails where there is one, which makes it a lock. */
const bind = async (server: Server, path: string): Promise<boolean> => {
  const mask = process.umask(0o177)
  server.listen(path)
  process.umask(mask)
  try {
    await once(server, 'listening')
    return true
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') return false
    throw new DataFolderError(`${path} cannot be made (${(error as Error).message}).`)
  }
}

const MAX_REQUEST_BYTES = 1024 * 1024

const readRequest = async (socket: Socket): Promise<ControlRequest> => {
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
    if (text.length > MAX_REQUEST_BYTES) socket.destroy()
  })
  await once(socket, 'end')
  return JSON.parse(text)
}

const answer = async (socket: Socket, handle: ControlHandler): Promise<void> => {
  const say = (line: Line) => socket.write(`${JSON.stringify(line)}\n`)
  // A process that only checks whether the socket is answered closes it without a request.
  const request = await readRequest(socket).catch(() => null)
  if (request) {
    const output = { out: (out: string) => say({ out }), err: (err: string) => say({ err }) }
    say({ exit: await handle(request, output) })
  }
  socket.end()
}

export type ControlSocket = {
  /** Refuses commands from here on, and waits for those that run. */
  drain(): Promise<void>
  /** Releases the data folder. */
  close(): Promise<void>
}

/** Runs commands until it is drained. */
const draining = (handle: ControlHandler): { handle: ControlHandler; drain(): Promise<void> } => {
  const running = new Set<Promise<number>>()
  let refuses = false
  return {
    async handle(request, output) {
      if (refuses) {
        output.err('Postern is closing. Try again when it has ended.')
        return 1
      }
      const command = handle(request, output)
      running.add(command)
      return command.finally(() => running.delete(command))
    },
    async drain() {
      refuses = true
      await Promise.allSettled(running)
    },
  }
}

/**
 * Takes the control socket of a data folder, which is made if it is missing.
 * @throws {DataFolderError} another process holds it, or it cannot be made
 */
export const holdControlSocket = async (dataDir: string, handle: ControlHandler): Promise<ControlSocket> => {
  const path = controlSocketPath(dataDir)
  const folder = dirname(path)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new DataFolderError(`${folder} cannot be made (${codeOf(error)}).`)
  }
  if (folder !== dataDir) await requirePrivate(folder)

  const commands = draining(handle)
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    answer(socket, commands.handle).catch(() => socket.destroy())
  })
  while (!(await bind(server, path))) {
    if (await removeStale(path)) continue
    throw new DataFolderError(
      `Another Postern has the data folder ${dataDir} open (${path} answers). Stop it first, or give this one ` +
        'a POSTERN_DATA_DIR of its own. To run several side by side, set DATABASE_URL and REDIS_URL.',
    )
  }
  return {
    drain: commands.drain,
    async close() {
      server.close()
      await once(server, 'close')
    },
  }
}

/**
 * Has the process that holds the data folder run a command. Returns its exit code; null where nobody holds it.
 */
export const askControlSocket = async (
  dataDir: string,
  request: ControlRequest,
  output: Output,
): Promise<number | null> => {
  const path = controlSocketPath(dataDir)
  if (dirname(path) !== dataDir) await requirePrivate(dirname(path))
  const socket = await reach(path)
  if (typeof socket === 'string') return null
  socket.end(JSON.stringify(request))
  for await (const text of createInterface({ input: socket })) {
    const line: Line = JSON.parse(text)
    if ('exit' in line) return line.exit
    if ('out' in line) output.out(line.out)
    else output.err(line.err)
  }
  output.err('The running Postern went away before the command was finished.')
  return 1
}
