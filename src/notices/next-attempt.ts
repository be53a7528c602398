// How an attempt to send something went, and when the next one is. Pure.

/** `error` says it to administrators, in a few words. */
export type AttemptOutcome =
  | { kind: 'delivered' }
  /** Its receiver has refused it, or is gone: it is not sent again. */
  | { kind: 'refused'; error: string }
  | { kind: 'unanswered'; error: string }

/** How long the waits between attempts get, and when the last attempt is. */
export type Patience = { longestWaitMs: number; givenUpAfterMs: number }

const FIRST_WAIT_MS = 1_000

/**
 * When to try again after `attempts` attempts: each wait is twice as long as the one before, up to the longest, and up to
 * half of it is left out by chance (`random`, 0 to 1), so that what is for a receiver that was away does not come all at
 * once. The last attempt is when it is given up. Null: there is none left.
 */
export const nextAttempt = (
  { createdAt, attempts }: { createdAt: Date; attempts: number },
  now: Date,
  random: number,
  { longestWaitMs, givenUpAfterMs }: Patience,
): Date | null => {
  const last = createdAt.getTime() + givenUpAfterMs
  if (now.getTime() >= last) return null
  const wait = Math.min(longestWaitMs, FIRST_WAIT_MS * 2 ** (attempts - 1))
  return new Date(Math.min(last, now.getTime() + wait * (1 - random / 2)))
}
