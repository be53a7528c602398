// Sends what is in the outbox: woken when something is written in this process, and every two seconds for what is due
// again, and for what another process has written or has left behind. Many clients at a time, one notice of each.
//
// A notice is leased for longer than an attempt can take, so each is sent once in the ordinary case. Where this process
// is killed, or cannot write down what a client has answered, the notice is sent again when its lease ends, with the same
// `jti`, by which the client knows it. None is lost: it stays pending until a client's answer is written down.
import { systemOrigin } from '../audit/event.ts'
import { noticeDelivered, noticeFailed } from '../audit/notice-events.ts'
import type { Deps } from '../deps.ts'
import { type AttemptOutcome, type LeasedNotice, type NewNotice, nextAttempt } from './notice.ts'
import { SEND_WITHIN_MS, sendNotice } from './send-notice.ts'
import { addNotices, leaseNotices, postponeNotice, settleNotice } from './store.ts'

export type NoticeSender = {
  /** There is something new in the outbox. Returns at once. */
  wake(): void
  /**
   * Writes notices of sessions that have ended, and sends them. Where PostgreSQL is away, it is tried until it is back:
   * the sessions have ended, and nobody would repeat it.
   */
  add(notices: readonly NewNotice[]): Promise<void>
  /** Waits a moment for what is under way, and gives the rest up: it is sent again by whoever comes next. */
  close(): Promise<void>
}

const LOOK_EVERY_MS = 2_000
const CLIENTS_AT_ONCE = 16
const WRITTEN_AT_ONCE = 500
const LEASE_MS = 6 * SEND_WITHIN_MS
const FINISH_WITHIN_MS = 2_000

type SenderDeps = Pick<
  Deps,
  | 'config'
  | 'postgres'
  | 'signingKeys'
  | 'pairwiseSalt'
  | 'outbound'
  | 'clients'
  | 'clock'
  | 'log'
  | 'randomBytes'
>

const random = ({ randomBytes }: SenderDeps): number => randomBytes(4).readUInt32BE() / 2 ** 32

const writeDown = async (deps: SenderDeps, notice: LeasedNotice, outcome: AttemptOutcome): Promise<void> => {
  const now = deps.clock()
  const about = { ...notice, noticeId: notice.id }
  const { id } = notice
  if (outcome.kind === 'delivered')
    return settleNotice(deps, { id, error: null, now }, noticeDelivered(systemOrigin(now), about))
  const { error } = outcome
  const nextAttemptAt = outcome.kind === 'refused' ? null : nextAttempt(notice, now, random(deps))
  if (nextAttemptAt) return postponeNotice(deps, { id, nextAttemptAt, error })
  return settleNotice(deps, { id, error, now }, noticeFailed(systemOrigin(now), { ...about, error }))
}

/** Given up because this process stops: whoever comes next need not wait. */
const handBack = (deps: SenderDeps, { id }: LeasedNotice): Promise<void> =>
  postponeNotice(deps, { id, nextAttemptAt: deps.clock(), error: 'given up at a stop' })

/** Starts the sender of this process. */
export const startSender = (deps: SenderDeps): NoticeSender => {
  const stopping = new AbortController()
  const underWay = new Set<Promise<void>>()
  const unwritten: NewNotice[] = []
  let looking: Promise<void> | null = null
  let isWokenAgain = false
  let isStopping = false

  const send = async (notice: LeasedNotice): Promise<void> => {
    try {
      const outcome = await sendNotice(deps, notice, stopping.signal)
      if (stopping.signal.aborted && outcome.kind === 'unanswered') await handBack(deps, notice)
      else await writeDown(deps, notice, outcome)
    } catch (error) {
      deps.log.warn({ notice: notice.id, reason: (error as Error).message }, 'could not send a logout notice')
    }
  }

  const writeUnwritten = async (): Promise<void> => {
    if (unwritten.length === 0) return
    const now = deps.clock()
    const written = unwritten.splice(0, WRITTEN_AT_ONCE)
    try {
      await addNotices(deps, written, { now, sendFrom: now })
    } catch (error) {
      unwritten.unshift(...written)
      throw error
    }
  }

  const lookOnce = async (): Promise<void> => {
    await writeUnwritten()
    const limit = CLIENTS_AT_ONCE - underWay.size
    if (limit <= 0) return
    const now = deps.clock()
    const leasedUntil = new Date(now.getTime() + LEASE_MS)
    for (const notice of await leaseNotices(deps, { now, leasedUntil, limit })) {
      const sent = send(notice).finally(() => {
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
        deps.log.warn({ reason: error.message }, 'could not look for logout notices'),
      )
    } while (isWokenAgain && !isStopping)
    looking = null
  }

  const wake = (): void => {
    if (isStopping) return
    if (looking) isWokenAgain = true
    else looking = look()
  }

  const add = async (notices: readonly NewNotice[]): Promise<void> => {
    if (notices.length === 0) return
    unwritten.push(...notices)
    await writeUnwritten().catch((error: Error) =>
      deps.log.warn({ reason: error.message }, 'could not write logout notices yet'),
    )
    wake()
  }

  const timer = setInterval(wake, LOOK_EVERY_MS).unref()
  wake()
  return {
    wake,
    add,
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
