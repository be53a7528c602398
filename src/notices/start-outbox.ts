// Works an outbox in PostgreSQL off: woken when something is written in this process, and every two seconds for what is
// due again, and for what another process has written or has left behind. Whose outbox it is says what is leased and how
// it is sent.
import type { Deps } from '../deps.ts'

export type Outbox = {
  /** There is something new in the outbox. Returns at once. */
  wake(): void
  /** Waits a moment for what is under way, and gives the rest up: it is sent again by whoever comes next. */
  close(): Promise<void>
}

export type OutboxWork<Item extends { id: string }> = {
  /** What it holds, for the log. */
  holds: string
  atOnce: number
  /** What is done before each look. */
  prepare?: () => Promise<void>
  /** Takes what is due, at most `limit`; nobody else gets it for a while. */
  lease(limit: number): Promise<Item[]>
  /** Makes one attempt and writes down how it went; `stopping`: this process stops, and gives it up. */
  send(item: Item, stopping: AbortSignal): Promise<void>
}

const LOOK_EVERY_MS = 2_000
const FINISH_WITHIN_MS = 2_000

export const startOutbox = <Item extends { id: string }>(
  { log }: Pick<Deps, 'log'>,
  { holds, atOnce, prepare, lease, send }: OutboxWork<Item>,
): Outbox => {
  const stopping = new AbortController()
  const underWay = new Set<Promise<void>>()
  let looking: Promise<void> | null = null
  let isWokenAgain = false
  let isStopping = false

  const lookOnce = async (): Promise<void> => {
    await prepare?.()
    const limit = atOnce - underWay.size
    if (limit <= 0) return
    for (const item of await lease(limit)) {
      const sent = send(item, stopping.signal)
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
