// Brings the database to the program's schema. Forward only; one process at a time does it.
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import type { Postgres } from './pool.ts'

/** The database's schema is newer than this program knows. */
export class DatabaseNewerError extends Error {
  override readonly name = 'DatabaseNewerError'
}

const MIGRATIONS_DIR = fileURLToPath(new URL('../../sql', import.meta.url))
const MIGRATIONS_TABLE = 'migrations'
const MIGRATION_LOCK = 7305612490117

const known = async (): Promise<string[]> =>
  (await readdir(MIGRATIONS_DIR))
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort()

const applied = async (client: pg.Client): Promise<string[]> => {
  const { rows: found } = await client.query<{ found: string | null }>(
    'SELECT to_regclass($1)::text AS found',
    [MIGRATIONS_TABLE],
  )
  if (found[0]?.found == null) return []
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY name`)
  return rows.map((row) => row.name)
}

const refuseNewer = (names: readonly string[], program: readonly string[]): void => {
  const unknown = names.filter((name) => !program.includes(name))
  if (unknown.length === 0) return
  throw new DatabaseNewerError(
    `The database is newer than this program: it has had migration ${unknown.join(', ')}, ` +
      `and this program ends at ${program.at(-1)}. Start a newer Postern; nothing has been changed.`,
  )
}

/**
 * Applies what is missing and returns the names of what was applied. Replicas that start together wait
 * for one another; one of them migrates.
 * @throws {DatabaseNewerError} the database has migrations that this program does not know.
 */
export const migrate = async (postgres: Postgres): Promise<string[]> => {
  const program = await known()
  const client = await postgres.connect()
  try {
    const before = await applied(client)
    refuseNewer(before, program)
    if (before.length === program.length) return []

    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
    refuseNewer(await applied(client), program)
    const { runner } = await import('node-pg-migrate')
    const run = await runner({
      dbClient: client,
      dir: MIGRATIONS_DIR,
      direction: 'up',
      migrationsTable: MIGRATIONS_TABLE,
      singleTransaction: true,
      noLock: true,
      log: () => {},
    })
    return run.map((migration) => migration.name)
  } finally {
    await client.end()
  }
}
