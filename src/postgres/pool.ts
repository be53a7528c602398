// PostgreSQL: a pool for a server or for the embedded one, with the same `pg` code. Stores use it through `Sql`.
import pg from 'pg'
import { DependencyError } from '../errors.ts'
import { askAlone, type Collect, collectOver } from './collected.ts'
import { isAnswer, isCanceled, isGivenUp } from './sql-state.ts'

/**
 * A statement with a name is prepared once a connection; names are unique across the program. One without is planned
 * for its values each time: for lists, whose best plan depends on what they are asked.
 */
export type Statement = { name?: string; text: string }

/** `T` is the type of a row; the stores declare it next to the statement's column list. */
export type Sql = {
  query<T extends object>(statement: Statement, values?: readonly unknown[]): Promise<T[]>
  /** Asks together with what others ask in this moment; in a transaction, alone. */
  collect: Collect
}

export type Postgres = Sql & {
  /** Runs `run` in one transaction; anything it throws rolls it back. */
  transaction<T>(run: (sql: Sql) => Promise<T>): Promise<T>
  kind: 'postgres' | 'embedded'
  /** Whether PostgreSQL answers. @throws {DependencyError} it does not. */
  ping(): Promise<void>
  /** A separate connection, outside the pool and its time limits, for migrations. The caller ends it. */
  connect(): Promise<pg.Client>
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 1_000
const QUERY_TIMEOUT_MS = 1_500

/** A transaction that has not come to its commit within this time is rolled back. */
export const TRANSACTION_WITHIN_MS = 10_000

// `timestamptz` is a Date by default; `bigint` (time steps, versions) fits a number here.
const INT8_OID = 20
const types = new pg.TypeOverrides()
types.setTypeParser(INT8_OID, Number)

const rethrow = (error: unknown): never => {
  throw isAnswer(error) ? error : new DependencyError('postgres', error)
}

/** SQL through `query` alone: nothing is collected. */
export const sqlThrough = (query: Sql['query']): Sql => ({ query, collect: askAlone(query) })

const sqlOver = (client: pg.PoolClient): Sql =>
  sqlThrough(async <T extends object>({ name, text }: Statement, values: readonly unknown[] = []) => {
    try {
      const result = await client.query<T>({ name, text, values: [...values] })
      return result.rows
    } catch (error) {
      return rethrow(error)
    }
  })

/** False where the state of the connection is unknown: there was no answer, or the answer closes it. */
const isUsableAfter = (error: unknown): boolean => {
  if (!(error instanceof DependencyError) || error.dependency !== 'postgres') return true
  return isCanceled(error.cause) || isGivenUp(error.cause)
}

/** Gives `run` a connection of the pool. The pool keeps the connection after an error that PostgreSQL has answered. */
const withClient = async <T>(pool: pg.Pool, run: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
  const client = await pool.connect().catch(rethrow)
  let isUsable = true
  try {
    return await run(client)
  } catch (error) {
    isUsable = isUsableAfter(error)
    throw error
  } finally {
    client.release(!isUsable)
  }
}

const PING = { name: 'ping', text: 'SELECT 1 AS up' }
const BEGIN = { name: 'begin', text: 'BEGIN' }
const COMMIT = { name: 'commit', text: 'COMMIT' }
const ROLLBACK = { name: 'rollback', text: 'ROLLBACK' }

const TOO_LATE = `a transaction took longer than ${TRANSACTION_WITHIN_MS} ms`

const inTransaction = <T>(pool: pg.Pool, run: (sql: Sql) => Promise<T>): Promise<T> =>
  withClient(pool, async (client) => {
    const sql = sqlOver(client)
    try {
      const began = performance.now()
      await sql.query(BEGIN)
      const result = await run(sql)
      if (performance.now() - began > TRANSACTION_WITHIN_MS) throw new DependencyError('postgres', TOO_LATE)
      await sql.query(COMMIT)
      return result
    } catch (error) {
      // An unusable connection is closed, which rolls back as well.
      if (isUsableAfter(error)) await sql.query(ROLLBACK)
      throw error
    }
  })

export type PostgresOptions = {
  connection: pg.ClientConfig
  poolSize: number
  kind: Postgres['kind']
  /** Runs before a new connection of the pool is used for the first time. */
  onConnect?: () => Promise<void>
  /** Runs after the pool has ended. */
  onClosed?: () => Promise<void>
}

/** Opens a pool; connections are made when they are needed. */
export const openPool = ({ connection, poolSize, kind, onConnect, onClosed }: PostgresOptions): Postgres => {
  const pool = new pg.Pool({
    ...connection,
    ...(onConnect && { onConnect }),
    types,
    max: poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    statement_timeout: QUERY_TIMEOUT_MS,
    idle_in_transaction_session_timeout: TRANSACTION_WITHIN_MS,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
  })
  // An idle connection that breaks is dropped by the pool; the next query shows whether PostgreSQL is away.
  pool.on('error', () => {})
  // A connection that breaks while it is in use fails its query, and emits this as well.
  pool.on('connect', (client) => client.on('error', () => {}))
  const postgres: Postgres = {
    query: (statement, values) => withClient(pool, (client) => sqlOver(client).query(statement, values)),
    collect: collectOver((statement, values) => postgres.query(statement, values)),
    transaction: (run) => inTransaction(pool, run),
    kind,
    async ping() {
      await withClient(pool, (client) => sqlOver(client).query(PING))
    },
    async connect() {
      const client = new pg.Client({ ...connection, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
      client.on('error', () => {})
      await client.connect().catch(rethrow)
      return client
    },
    async close() {
      await pool.end()
      await onClosed?.()
    },
  }
  return postgres
}

/** The PostgreSQL that `DATABASE_URL` names. */
export const openPostgres = (databaseUrl: string, poolSize: number): Postgres =>
  openPool({ connection: { connectionString: databaseUrl }, poolSize, kind: 'postgres' })
