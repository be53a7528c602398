// The load. `load` is closed: every connection sends its next request after the answer to the one before it. `loadAtRate` is
// open: requests come as strangers send them, whether or not the server has answered others.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, openConnection, type Reply } from './connection.ts'

/** `ports`: connections are spread over them evenly. `expected`: texts that every answer must have. */
export type Target = { ports: readonly number[]; connections: number; expected: readonly string[] }

export type Answers = {
  elapsedMs: number
  latenciesMs: number[]
  statuses: Map<number, number>
  /** Answers without one of the texts that are expected. */
  incomplete: number
}

/** @throws {Error} an answer of another status or not whole: only requests that do all of the work are measured */
export const refuseFailures = ({ statuses, incomplete }: Answers, whose: string, expected = 200): void => {
  const failed = [...statuses].filter(([status]) => status !== expected)
  if (failed.length > 0)
    throw new Error(`${whose}: answers that are not ${expected}: ${JSON.stringify(failed)}`)
  if (incomplete > 0) throw new Error(`${whose}: ${incomplete} answers lack what they must have`)
}

const connected = async <Result>(
  { ports, connections }: Target,
  use: (connections: Connection[]) => Promise<Result>,
): Promise<Result> => {
  const all = await Promise.all(
    Array.from({ length: connections }, (_, i) => openConnection(ports[i % ports.length] ?? 0)),
  )
  try {
    return await use([...all])
  } finally {
    for (const connection of all) connection.close()
  }
}

const newTally = (expected: readonly string[]) => {
  const answers: Answers = { elapsedMs: 0, latenciesMs: [], statuses: new Map(), incomplete: 0 }
  const startedAt = performance.now()
  return {
    count: ({ status, answer }: Reply, since: number) => {
      answers.latenciesMs.push(performance.now() - since)
      answers.statuses.set(status, (answers.statuses.get(status) ?? 0) + 1)
      if (!expected.every((text) => answer.includes(text))) answers.incomplete += 1
    },
    total: (): Answers => ({ ...answers, elapsedMs: performance.now() - startedAt }),
  }
}

/** Sends what `next` gives, until it gives null; every request after the answer to the one before it. */
export const load = (target: Target, next: () => Buffer | null): Promise<Answers> =>
  connected(target, async (connections) => {
    const tally = newTally(target.expected)
    const work = async (connection: Connection) => {
      for (let request = next(); request !== null; request = next()) {
        const sentAt = performance.now()
        tally.count(await connection.ask(request), sentAt)
      }
    }
    await Promise.all(connections.map(work))
    return tally.total()
  })

/** Each of them once. */
export const each = (requests: readonly Buffer[]): (() => Buffer | null) => {
  let sent = 0
  return () => requests[sent++] ?? null
}

/**
 * Sends each of them once, at random moments, `perSecond` of them on average. A latency is from the moment at which a
 * request was due, so waiting for a free connection counts. This thread looks every millisecond at what is due: it may
 * add that much.
 */
export const loadAtRate = (
  target: Target,
  requests: readonly Buffer[],
  perSecond: number,
): Promise<Answers> =>
  connected(target, async (free) => {
    const tally = newTally(target.expected)
    const { promise: allAnswered, resolve, reject } = Promise.withResolvers<void>()
    const due: { request: Buffer; at: number }[] = []
    let answered = 0
    const sendDue = () => {
      while (free.length > 0 && due.length > 0) {
        const [connection, next] = [free.pop(), due.shift()]
        if (!connection || !next) return
        connection.ask(next.request).then((reply) => {
          tally.count(reply, next.at)
          answered += 1
          free.push(connection)
          sendDue()
          if (answered === requests.length) resolve()
        }, reject)
      }
    }
    const come = async () => {
      let at = performance.now()
      for (const request of requests) {
        // The times between independent requests are distributed exponentially.
        at += (-Math.log(1 - Math.random()) * 1000) / perSecond
        while (performance.now() < at) await sleep(1)
        due.push({ request, at })
        sendDue()
      }
    }
    await Promise.all([come(), allAnswered])
    return tally.total()
  })
