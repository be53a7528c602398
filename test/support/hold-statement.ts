import { type Sql, type Statement, sqlThrough } from '../../src/postgres/pool.ts'
import type { TestApp } from './app.ts'

/**
 * Holds the next statement that matches, once, until it is released, like a slow network: before PostgreSQL has it
 * (`question`), or after PostgreSQL has run it, so that its answer is outdated (`answer`).
 */
export const holdStatement = (
  { deps: { postgres } }: TestApp,
  at: 'question' | 'answer',
  matching: RegExp,
): { reached: Promise<void>; release: () => void } => {
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const hold = () => {
    reach()
    return released
  }
  let isFirst = true
  const holding = (query: Sql['query']): Sql =>
    sqlThrough(async <T extends object>(statement: Statement, values?: readonly unknown[]) => {
      if (!isFirst || !matching.test(statement.text)) return query<T>(statement, values)
      isFirst = false
      if (at === 'question') await hold()
      const rows = await query<T>(statement, values)
      if (at === 'answer') await hold()
      return rows
    })
  const { query, transaction } = postgres
  postgres.query = holding(query).query
  postgres.transaction = (run) => transaction((sql) => run(holding(sql.query)))
  return { reached, release }
}
