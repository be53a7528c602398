import { sessionEnded } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import type { SessionRecord } from '../ephemeral/sessions.ts'

/** Ends the caller's own session, and with it its access and refresh tokens, at once. */
export const logOut = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral'>,
  origin: Origin,
  { accountId, sid, clientId }: SessionRecord,
): Promise<void> => {
  // Ended first: should recording fail, the answer says so, and the session has ended all the same.
  await deps.ephemeral.sessions.end(accountId, sid, origin.now.getTime())
  await recordEvent(deps, sessionEnded(origin, { accountId, sessionId: sid, clientId, reason: 'logout' }))
}
