import { AuthError } from '../../src/errors.ts'
import type { TestApp } from './app.ts'

const parallel = <Outcome>(count: number, run: (index: number) => Promise<Outcome>): Promise<Outcome[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => run(index)))

/** Opens so many connections of the pool: each holds its own until all of them do. */
const openConnections = async ({ deps: { postgres } }: TestApp, count: number): Promise<void> => {
  const { promise: allOpen, resolve } = Promise.withResolvers<void>()
  let open = 0
  await parallel(count, () =>
    postgres.transaction(async () => {
      open += 1
      if (open === count) resolve()
      await allOpen
    }),
  )
}

/**
 * Runs `attempt` so many times at once over what `prepare` makes. Where connections are still to be opened, statements
 * to be prepared and scripts to be loaded, the first one ends before the others have begun, and there is no race.
 * So it runs twice, each time over something of its own, and the first run only warms up.
 */
export const race = async <Subject, Outcome>(
  postern: TestApp,
  runners: number,
  {
    prepare,
    attempt,
  }: {
    /** `run` is 0 and then 1. */
    prepare: (run: number) => Promise<Subject>
    attempt: (subject: Subject, index: number) => Promise<Outcome>
  },
): Promise<{ subject: Subject; outcomes: Outcome[] }> => {
  const { deps, config } = postern
  // The embedded PostgreSQL has one connection, which is open.
  const connections = deps.postgres.kind === 'embedded' ? 1 : Math.min(runners, config.databasePoolSize)
  await openConnections(postern, connections)
  const rehearsed = await prepare(0)
  await parallel(connections, (index) => attempt(rehearsed, index))

  const subject = await prepare(1)
  return { subject, outcomes: await parallel(runners, (index) => attempt(subject, index)) }
}

/** The code of the error that it ends in; null where it ends well. */
export const errorOf = (attempt: Promise<unknown>): Promise<string | null> =>
  attempt.then(
    () => null,
    (error: unknown) => {
      if (error instanceof AuthError) return error.code
      throw error
    },
  )
