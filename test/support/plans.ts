// What a store asks of PostgreSQL, and how PostgreSQL goes about it.
import type { Sql, Statement } from '../../src/postgres/pool.ts'

export type Asked = { statement: Statement; values: readonly unknown[] }

/** Runs what is asked, and keeps it. */
export const listening = (postgres: Sql): { sql: Sql; asked: Asked[] } => {
  const asked: Asked[] = []
  const sql: Sql = {
    query: (statement, values = []) => {
      asked.push({ statement, values })
      return postgres.query(statement, values)
    },
  }
  return { sql, asked }
}

/** The plan of a statement for its values, as it is chosen; nothing is forbidden to the planner. */
export const planOf = async (postgres: Sql, { statement, values }: Asked): Promise<string> => {
  const rows = await postgres.query<{ 'QUERY PLAN': string }>({ text: `EXPLAIN ${statement.text}` }, values)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}
