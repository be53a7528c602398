import type { Sql, Statement } from '../../src/postgres/pool.ts'
import type { TestApp } from './app.ts'

/** The names of the statements that Postern runs from now on, in a transaction or not; read and begun anew by `take`. */
export const watchStatements = ({ deps: { postgres } }: TestApp): { take: () => string[] } => {
  let seen: string[] = []
  const watching =
    (query: Sql['query']): Sql['query'] =>
    <T extends object>(statement: Statement, values?: readonly unknown[]) => {
      seen.push(statement.name ?? statement.text)
      return query<T>(statement, values)
    }
  const { query, transaction } = postgres
  postgres.query = watching(query)
  postgres.transaction = (run) => transaction((sql) => run({ ...sql, query: watching(sql.query) }))
  return {
    take() {
      const names = seen
      seen = []
      return names
    },
  }
}
