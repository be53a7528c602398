// Runs the servers that a tap run shares, for as long as that run lives, and leaves their URLs in its
// folder. A process of its own, because tap's `before` module has to end before the tests begin.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { missingServer, type ServerKind, sharedServersFolder, startPostgres, startRedis } from './servers.ts'

const tapPid = Number(process.argv[2])
const folder = sharedServersFolder(tapPid)
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

// Renamed into place, so that nobody reads half of it.
const leave = (name: string, text: string) => {
  writeFileSync(join(folder, `${name}.new`), text)
  renameSync(join(folder, `${name}.new`), join(folder, name))
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const start = { redis: startRedis, postgres: startPostgres }

const startShared = async (kind: ServerKind): Promise<void> => {
  if (missingServer(kind)) return
  leave(kind, (await start[kind]()).url)
}

process.once('SIGTERM', () => process.exit(0))
setInterval(() => {
  if (!isAlive(tapPid)) process.exit(0)
}, 250)
leave('keeper', `${process.pid}`)
await Promise.all([startShared('redis'), startShared('postgres')])
