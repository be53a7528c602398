// Sends the logout notices in their outbox: many clients at a time, one notice of each.
//
// A notice is leased for longer than an attempt can take, so each is sent once in the ordinary case. Where this process
// is killed, or cannot write down what a client has answered, the notice is sent again when its lease ends, with the same
// `jti`, by which the client knows it. None is lost: it stays pending until a client's answer is written down.
import { systemOrigin } from '../audit/event.ts'
import { noticeDelivered, noticeFailed } from '../audit/notice-events.ts'
import type { Deps } from '../deps.ts'
import type { Patience } from './next-attempt.ts'
import type { LeasedNotice, NewNotice } from './notice.ts'
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

/** The last attempt is a day after the session has ended. */
export const PATIENCE: Patience = { longestWaitMs: 3_600_000, givenUpAfterMs: 24 * 3_600_000 }

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

const settle = (
  deps: SenderDeps,
  notice: LeasedNotice,
  { error, now }: { error: string | null; now: Date },
): Promise<void> => {
  const { id } = notice
  const about = { ...notice, noticeId: id }
  const origin = systemOrigin(now)
  const event = error === null ? noticeDelivered(origin, about) : noticeFailed(origin, { ...about, error })
  return settleNotice(deps, { id, error, now }, event)
}

/** Starts the sender of this process. */
export const startSender = (deps: SenderDeps): NoticeSender => {
  const unwritten: NewNotice[] = []

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
    leaseMs: LEASE_MS,
    patience: PATIENCE,
    prepare: writeUnwritten,
    lease: (lease) => leaseNotices(deps, lease),
    attempt: (notice, stopping) => sendNotice(deps, notice, stopping),
    postpone: ({ id }, next) => postponeNotice(deps, { id, ...next }),
    settle: (notice, end) => settle(deps, notice, end),
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
