// The embedded PostgreSQL: PGlite in the data folder, behind a private socket, reached through `pg`
// like any other. It holds one connection, and one process may have the folder open.
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { PGlite } from '@electric-sql/pglite'
import type { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { openPool, type Postgres } from './pool.ts'
import { keepFilesPrivate, makePrivate } from './private-files.ts'

/** The data folder cannot be used. Nothing in it has been changed. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError'
}

const FIRST_START_MARK = 'first-start.unfinished'

const folders = (dataDir: string) => ({
  database: join(dataDir, 'postgres'),
  mark: join(dataDir, FIRST_START_MARK),
})

const refuseHalfWritten = (dataDir: string): void => {
  const { database, mark } = folders(dataDir)
  if (existsSync(mark)) {
    throw new DataFolderError(
      `${dataDir} holds a first start that did not finish (${FIRST_START_MARK} is still there). ` +
        'Nothing has been changed. If it is not needed, remove the folder and start again.',
    )
  }
  if (existsSync(database) && !existsSync(join(database, 'PG_VERSION'))) {
    throw new DataFolderError(
      `${database} is there but is not a complete PostgreSQL data folder (PG_VERSION is missing). ` +
        'Nothing has been changed. Restore it from a backup, or remove it to start afresh.',
    )
  }
}

const GONE_WITHIN_MS = 1_000

/** The protocol's Sync message: after an error, PostgreSQL skips all messages until one. */
const SYNC = Uint8Array.of('S'.charCodeAt(0), 0, 0, 0, 4)

/**
 * PGlite has one session, which outlives its connections: prepared statements, an open transaction, half a message
 * remain. This waits until the connection before has closed, and clears them, so that a new connection finds none.
 */
const clearSession = async (db: PGlite, server: PGLiteSocketServer): Promise<void> => {
  for (const deadline = performance.now() + GONE_WITHIN_MS; server.getStats().activeConnections > 1; ) {
    if (performance.now() > deadline) throw new Error('the connection before is still open')
    await setImmediate()
  }
  await db.runExclusive(() => db.execProtocolStream(SYNC, { throwOnError: false }))
  await db.exec('ROLLBACK')
  await db.exec('DISCARD ALL')
}

/** Opens `<dataDir>/postgres`, made on first use. A folder left by an unfinished first start is reported. */
export const openEmbeddedPostgres = async (dataDir: string): Promise<Postgres> => {
  const { database, mark } = folders(dataDir)
  refuseHalfWritten(dataDir)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  if (!existsSync(database))
    await writeFile(mark, 'Removed when the first start is complete.\n', { mode: 0o600 })

  // Loaded here and not above, so that a process that uses a server does not load these 40 MB.
  const [pglite, { NodeFS }, { pg_trgm }, socket] = await Promise.all([
    import('@electric-sql/pglite'),
    import('@electric-sql/pglite/nodefs'),
    import('@electric-sql/pglite/contrib/pg_trgm'),
    import('@electric-sql/pglite-socket'),
  ])
  await mkdir(database, { recursive: true, mode: 0o700 })
  await makePrivate(database)
  const fs = keepFilesPrivate(new NodeFS(database))
  const db = await pglite.PGlite.create({ fs, extensions: { pg_trgm } }).catch((error: Error) => {
    throw new DataFolderError(
      `${database} cannot be opened by the embedded PostgreSQL (${error.message}). Nothing has been changed. ` +
        'Restore it from a backup, or remove the data folder to start afresh.',
    )
  })
  const socketDir = await mkdtemp(join(tmpdir(), 'postern-'))
  const path = join(socketDir, '.s.PGSQL.5432')
  const server = new socket.PGLiteSocketServer({ db, path, maxConnections: 4 })
  await server.start()
  await chmod(path, 0o600)

  return openPool({
    connection: { host: socketDir, user: 'postgres', database: 'postgres' },
    poolSize: 1,
    kind: 'embedded',
    onConnect: () => clearSession(db, server),
    async onClosed() {
      await server.stop()
      await db.close()
      await rm(socketDir, { recursive: true, force: true })
    },
  })
}

/** The first start is complete: from here on the folder is whole. */
export const markFirstStartComplete = (dataDir: string): Promise<void> =>
  rm(folders(dataDir).mark, { force: true })
