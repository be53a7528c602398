// Works an outbox in PostgreSQL off: woken when something is written in this process, and every two seconds for what is
// due again, and for what another process has written or has left behind. Whose outbox it is says what is leased, how it is
// sent, and how long it is tried.
import type { Deps } from '../deps.ts'
import { type AttemptOutcome, nextAttempt, type Patience } from './next-attempt.ts'

export type Outbox = {
  /** There is something new in the outbox. Returns at once. */
  wake(): void
  /** Waits a moment for what is under way, and gives the rest up: it is sent again by whoever comes next. */
  close(): Promise<void>
}

export type OutboxItem = { id: string; createdAt: Date; attempts: number }

export type OutboxWork<Item extends OutboxItem> = {
  /** What it holds, for the log. */
  holds: string
  atOnce: number
  /** Longer than an attempt can take. */
  leaseMs: number
  patience: Patience
  /** What is done before each look. */
  prepare?: () => Promise<void>
  /** Takes what is due, at most `limit`; nobody else gets it before `leasedUntil`. */
  lease(lease: { now: Date; leasedUntil: Date; limit: number }): Promise<Item[]>
  /** Makes one attempt; `stopping`: this process stops, and gives it up. */
  attempt(item: Item, stopping: AbortSignal): Promise<AttemptOutcome>
  /** Writes down that there is another attempt at `nextAttemptAt`. */
  postpone(item: Item, next: { nextAttemptAt: Date; error: string }): Promise<void>
  /** Writes down that it is delivered (`error` null), or given up. */
  settle(item: Item, end: { error: string | null; now: Date }): Promise<void>
}

type OutboxDeps = Pick<Deps, 'log' | 'clock' | 'randomBytes'>

/** From 0 to 1. */
const random = ({ randomBytes }: OutboxDeps): number => randomBytes(4).readUInt32BE() / 2 ** 32

/** Makes one attempt, and writes down how it went. */
const send = async <Item extends OutboxItem>(
  deps: OutboxDeps,
  { patience, attempt, postpone, settle }: OutboxWork<Item>,
  item: Item,
  stopping: AbortSignal,
): Promise<void> => {
  const outcome = await attempt(item, stopping)
  const now = deps.clock()
  if (outcome.kind === 'delivered') return settle(item, { error: null, now })
  const { kind, error } = outcome
  // Given up because this process stops: whoever comes next need not wait.
  if (stopping.aborted && kind === 'unanswered')
    return postpone(item, { nextAttemptAt: now, error: 'given up at a stop' })
  const nextAttemptAt = kind === 'refused' ? null : nextAttempt(item, now, random(deps), patience)
  return nextAttemptAt ? postpone(item, { nextAttemptAt, error }) : settle(item, { error, now })
}

const LOOK_EVERY_MS = 2_000
const FINISH_WITHIN_MS = 2_000

export const startOutbox = <Item extends OutboxItem>(deps: OutboxDeps, work: OutboxWork<Item>): Outbox => {
  const { log } = deps
  const { holds, atOnce, leaseMs, prepare, lease } = work
  const stopping = new AbortController()
  const underWay = new Set<Promise<void>>()
  let looking: Promise<void> | null = null
  let isWokenAgain = false
  let isStopping = false

  const lookOnce = async (): Promise<void> => {
    await prepare?.()
    const limit = atOnce - underWay.size
    if (limit <= 0) return
    const now = deps.clock()
    for (const item of await lease({ now, leasedUntil: new Date(now.getTime() + leaseMs), limit })) {
      const sent = send(deps, work, item, stopping.signal)
        .catch((error: Error) => log.warn({ holds, id: item.id, reason: error.message }, 'could not send'))
        .finally(() => {
          underWay.delete(sent)
          wake()
        })
      underWay.add(sent)
    }
  }

  const look = async (): Promise<void> => {
    do {
      isWokenAgain = false
      await lookOnce().catch((error: Error) =>
        log.warn({ holds, reason: error.message }, 'could not look into the outbox'),
      )
    } while (isWokenAgain && !isStopping)
    looking = null
  }

  const wake = (): void => {
    if (isStopping) return
    if (looking) isWokenAgain = true
    else looking = look()
  }

  const timer = setInterval(wake, LOOK_EVERY_MS).unref()
  wake()
  return {
    wake,
    async close() {
      isStopping = true
      clearInterval(timer)
      await looking
      const giveUp = setTimeout(() => stopping.abort(), FINISH_WITHIN_MS)
      await Promise.all(underWay)
      clearTimeout(giveUp)
    },
  }
}
