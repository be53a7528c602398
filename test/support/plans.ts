// The statements of a store, and PostgreSQL's plans for them.
import { type Sql, type Statement, sqlThrough } from '../../src/postgres/pool.ts'

export type Asked = { statement: Statement; values: readonly unknown[] }

/** Runs statements, and records them. */
export const listening = (postgres: Sql): { sql: Sql; asked: Asked[] } => {
  const asked: Asked[] = []
  const sql = sqlThrough((statement, values = []) => {
    asked.push({ statement, values })
    return postgres.query(statement, values)
  })
  return { sql, asked }
}

const explain = async (postgres: Sql, how: string, { statement, values }: Asked): Promise<string> => {
  const text = `EXPLAIN ${how} ${statement.text}`
  const rows = await postgres.query<{ 'QUERY PLAN': string }>({ text }, values)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

/** The plan of a statement for its values, as it is chosen; nothing is forbidden to the planner. */
export const planOf = (postgres: Sql, asked: Asked): Promise<string> => explain(postgres, '', asked)

/** The rows that the plan's largest step has read, kept or not, when the statement is run. */
export const mostRowsRead = async (postgres: Sql, asked: Asked): Promise<number> => {
  const plan = await explain(postgres, '(ANALYZE)', asked)
  const counts = plan.matchAll(/actual time=\S+ rows=([\d.]+)|Rows Removed by [\w ]+: (\d+)/g)
  return Math.max(...Array.from(counts, ([, kept, removed]) => Number(kept ?? removed)))
}
