import type { Sealer } from '../src/encryption/sealer.ts'
import { type Sql, type Statement, sqlThrough } from '../src/postgres/pool.ts'

/** Carries the statement out of the store that would have run it. */
class Caught extends Error {
  readonly statement: Statement
  constructor(statement: Statement) {
    super(statement.name)
    this.statement = statement
  }
}

/** The statement that a store's function runs, so that the floor runs the very same one. */
export const statementOf = async (
  call: (deps: { postgres: Sql; sealer: Sealer }) => Promise<unknown>,
): Promise<Statement> => {
  const postgres = sqlThrough(async (statement) => {
    throw new Caught(statement)
  })
  const caught = await call({ postgres, sealer: {} as Sealer }).catch((error: unknown) => error)
  if (caught instanceof Caught) return caught.statement
  throw new Error('this function runs no statement', { cause: caught })
}
