import { sessionsEnded } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import type { SessionRecord } from '../ephemeral/sessions.ts'

/** Ends all sessions of the account but the caller's own, and every sign-in that is under way. */
export const endOtherSessions = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral'>,
  origin: Origin,
  { accountId, sid }: SessionRecord,
): Promise<void> => {
  // Ended first: should recording fail, the answer says so, and the sessions have ended all the same.
  await deps.ephemeral.sessions.endAll(accountId, sid, origin.now.getTime())
  const about = { accountId, keptSessionId: sid, reason: 'ended_by_account' }
  await recordEvent(deps, sessionsEnded(origin, about))
}
