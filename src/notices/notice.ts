// A notice to a client that a session has ended, and when it is sent again. Pure. This room owns the notices from the
// moment they are written; `sessions/` decides who gets one.

/** A client that has to be told of the end of a session. */
export type NoticeWanted = { clientId: string; accountId: string; sid: string }

/** A notice that is to be written; `id` is the `jti` of its logout token. */
export type NewNotice = NoticeWanted & { id: string }

/** One that a sender has leased. `attempts` counts this one. */
export type LeasedNotice = NewNotice & { createdAt: Date; attempts: number }

export const NOTICE_STATUSES = ['pending', 'delivered', 'failed'] as const
export type NoticeStatus = (typeof NOTICE_STATUSES)[number]

/** How one attempt went. `error` says it to administrators, in a few words. */
export type AttemptOutcome =
  | { kind: 'delivered' }
  /** The client has refused it, or is gone: it is not sent again. */
  | { kind: 'refused'; error: string }
  | { kind: 'unanswered'; error: string }

/** How long the waits between attempts get, and when the last attempt is. */
export type Patience = { longestWaitMs: number; givenUpAfterMs: number }

const NOTICE_PATIENCE: Patience = { longestWaitMs: 3_600_000, givenUpAfterMs: 24 * 3_600_000 }

const FIRST_WAIT_MS = 1_000

/**
 * When to try again after `attempts` attempts: each wait is twice as long as the one before, up to the longest, and up to
 * half of it is left out by chance (`random`, 0 to 1), so that the notices of a client that was away do not come all at
 * once. A notice's last attempt is a day after the session has ended. Null: there is none left.
 */
export const nextAttempt = (
  { createdAt, attempts }: { createdAt: Date; attempts: number },
  now: Date,
  random: number,
  { longestWaitMs, givenUpAfterMs }: Patience = NOTICE_PATIENCE,
): Date | null => {
  const last = createdAt.getTime() + givenUpAfterMs
  if (now.getTime() >= last) return null
  const wait = Math.min(longestWaitMs, FIRST_WAIT_MS * 2 ** (attempts - 1))
  return new Date(Math.min(last, now.getTime() + wait * (1 - random / 2)))
}
