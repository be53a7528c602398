// One statement for the many requests of a moment: what is asked in one turn of the event loop goes to PostgreSQL
// together, and each caller waits for its own outcome. A commit to disk then serves many callers, and so does a round trip.
//
// A collected statement takes arrays, with one element for each caller, and unnests the first WITH ORDINALITY; each of its
// rows has the place `n` of the caller that it is for. Nothing is lost of what one statement for one caller promises:
// - The statement is one: it is durable, with its audit events, before any of its callers goes on.
// - Where PostgreSQL refuses it (one caller's value is out of range), or gives it up (a deadlock), nothing has been written.
//   Each caller then asks alone, so that the bad one fails alone.
// - A statement that locks takes what is free (SKIP LOCKED), so that no caller waits for another one's account. Whoever
//   gets no row asks again alone (`alone`), waits there, and has that answer: in use by another transaction, used before by
//   another caller of the same moment, or refused.
//
// Two of a kind are on their way at most. The next waits for one of them and grows meanwhile, so the slower PostgreSQL is,
// the more callers share a round trip. The first goes at the end of the turn: without company it has nothing to wait for.
// What has waited for a second is not sent any more: its callers are about to be answered that PostgreSQL is away, and a
// code that was burned after that would be lost.
//
// Decision: DataLoader collects reads and writes alike; what is ours is when a batch goes, and what each caller gets.
import DataLoader from 'dataloader'
import { DependencyError } from '../errors.ts'
import type { Sql } from './pool.ts'
import { isGivenUp } from './sql-state.ts'

/** A statement with `n` (from 1) in each of its rows. Names are unique across the program. */
export type Collected = {
  name: string
  text: string
  /** The same, waiting for locks: for those who get no row. Absent where no row is an answer. */
  alone?: string
  /** The place (from 0) of the parameter that is a JSON array rather than one of PostgreSQL's, which cost more to write. */
  json?: number
}

/** The rows for one caller, whose `values` are one element of each array. */
export type Collect = <T extends object>(statement: Collected, values: readonly unknown[]) => Promise<T[]>

type Query = Sql['query']

type Numbered = { n: number }

const MOST_AT_ONCE = 128
const ON_THEIR_WAY = 2
const WAITS_FOR_MS = 1_000

const toParameters = ({ json }: Collected, callers: readonly (readonly unknown[])[]): unknown[] => {
  const [first = []] = callers
  return first.map((_, place) => {
    const array = callers.map((values) => values[place])
    return place === json ? JSON.stringify(array) : array
  })
}

/** Asks for one caller, who may wait for a lock. */
export const askAlone =
  (query: Query): Collect =>
  (statement, values) => {
    const { name, text, alone } = statement
    const parameters = toParameters(statement, [values])
    return query(alone === undefined ? { name, text } : { name: `${name}_alone`, text: alone }, parameters)
  }

const askTogether = async (
  query: Query,
  statement: Collected,
  callers: readonly (readonly unknown[])[],
): Promise<object[][]> => {
  const { name, text } = statement
  const arrays = toParameters(statement, callers)
  const answers: object[][] = callers.map(() => [])
  for (const row of await query<Numbered>({ name, text }, arrays)) answers[row.n - 1]?.push(row)
  return answers
}

/** What one of many gets: its rows, or those that it still has to wait for alone. */
type Outcome = object[] | Promise<object[]>

/** @throws {DependencyError} for all of them: nobody knows whether it has run, so it is not sent again */
const ask = async (
  query: Query,
  statement: Collected,
  callers: readonly (readonly unknown[])[],
): Promise<Outcome[]> => {
  const alone = (values: readonly unknown[]) => askAlone(query)<object>(statement, values)
  try {
    const answers = await askTogether(query, statement, callers)
    if (statement.alone === undefined) return answers
    return answers.map((rows, place) => (rows.length > 0 ? rows : alone(callers[place] ?? [])))
  } catch (error) {
    if (callers.length === 1 || (error instanceof DependencyError && !isGivenUp(error.cause))) throw error
    return callers.map(alone)
  }
}

type Batch = { dispatch: () => void; since: number }

/** Lets `ON_THEIR_WAY` batches go at once, each at the end of the turn in which its place is free. */
const createQueue = () => {
  const waiting: Batch[] = []
  let under = 0
  let waitedMs = 0
  const go = (): void => {
    const batch = under < ON_THEIR_WAY ? waiting.shift() : undefined
    if (!batch) return
    under += 1
    setImmediate(() => {
      waitedMs = performance.now() - batch.since
      batch.dispatch()
    })
  }
  return {
    schedule(dispatch: () => void): void {
      waiting.push({ dispatch, since: performance.now() })
      go()
    },
    /** Of the batch that goes now. @throws {DependencyError} it has waited for too long */
    requireFresh(): void {
      if (waitedMs <= WAITS_FOR_MS) return
      throw new DependencyError('postgres', new Error(`nothing was sent within ${WAITS_FOR_MS} ms`))
    },
    done(): void {
      under -= 1
      go()
    },
  }
}

/** Collects over `query`, which runs a statement on whatever connection is free. */
export const collectOver = (query: Query): Collect => {
  const loaders = new Map<string, DataLoader<readonly unknown[], Outcome>>()
  const open = (statement: Collected) => {
    const queue = createQueue()
    const askAll = async (callers: readonly (readonly unknown[])[]) => {
      try {
        queue.requireFresh()
        return await ask(query, statement, callers)
      } finally {
        queue.done()
      }
    }
    const options = { cache: false, maxBatchSize: MOST_AT_ONCE, batchScheduleFn: queue.schedule }
    const loader = new DataLoader(askAll, options)
    loaders.set(statement.name, loader)
    return loader
  }
  // The rows are what the statement's text says they are, as with `query`.
  return <T extends object>(statement: Collected, values: readonly unknown[]) =>
    (loaders.get(statement.name) ?? open(statement)).load(values) as Promise<T[]>
}
