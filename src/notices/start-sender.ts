// Sends the logout notices in their outbox: many clients at a time, one notice of each.
//
// A notice is leased for longer than an attempt can take, so each is sent once in the ordinary case. Where this process
// is killed, or cannot write down what a client has answered, the notice is sent again when its lease ends, with the same
// `jti`, by which the client knows it. None is lost: it stays pending until a client's answer is written down.
import { systemOrigin } from '../audit/event.ts'
import { noticeDelivered, noticeFailed } from '../audit/notice-events.ts'
import type { Deps } from '../deps.ts'
import { type AttemptOutcome, type LeasedNotice, type NewNotice, nextAttempt } from './notice.ts'
import { SEND_WITHIN_MS, sendNotice } from './send-notice.ts'
import { type Outbox, startOutbox } from './start-outbox.ts'
import { addNotices, leaseNotices, postponeNotice, settleNotice } from './store.ts'

export type NoticeSender = Outbox & {
  /**
   * Writes notices of sessions that have ended, and sends them. Where PostgreSQL is away, it is tried until it is back:
   * the sessions have ended, and nobody would repeat it.
   */
  add(notices: readonly NewNotice[]): Promise<void>
}

const CLIENTS_AT_ONCE = 16
const WRITTEN_AT_ONCE = 500
const LEASE_MS = 6 * SEND_WITHIN_MS

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
  const unwritten: NewNotice[] = []

  const send = async (notice: LeasedNotice, stopping: AbortSignal): Promise<void> => {
    const outcome = await sendNotice(deps, notice, stopping)
    if (stopping.aborted && outcome.kind === 'unanswered') await handBack(deps, notice)
    else await writeDown(deps, notice, outcome)
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

  const outbox = startOutbox<LeasedNotice>(deps, {
    holds: 'logout notices',
    atOnce: CLIENTS_AT_ONCE,
    prepare: writeUnwritten,
    lease(limit) {
      const now = deps.clock()
      return leaseNotices(deps, { now, leasedUntil: new Date(now.getTime() + LEASE_MS), limit })
    },
    send,
  })

  const add = async (notices: readonly NewNotice[]): Promise<void> => {
    if (notices.length === 0) return
    unwritten.push(...notices)
    await writeUnwritten().catch((error: Error) =>
      deps.log.warn({ reason: error.message }, 'could not write logout notices yet'),
    )
    outbox.wake()
  }

  return { ...outbox, add }
}
