import { sessionEnded } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import { type NotifyDeps, notifyingClients } from './notify-clients.ts'

/**
 * Ends one session with its grants and tokens, at once, and tells its clients. `clientId` of the one through which it is
 * ended. False, and nothing is recorded, where it was not live.
 */
export const endSession = async (
  deps: NotifyDeps,
  origin: Origin,
  { accountId, sid, clientId, reason }: { accountId: string; sid: string; clientId?: string; reason: string },
): Promise<boolean> => {
  const ending = { accountId, sid, exceptSid: null, now: origin.now }
  const { ended } = await notifyingClients(deps, ending, async () => {
    const session = await deps.ephemeral.sessions.end(accountId, sid, origin.now.getTime())
    return { ended: session ? [session] : [] }
  })
  if (ended.length === 0) return false
  // Ended first: should recording fail, the answer says so, and the session has ended all the same.
  const about = { accountId, sessionId: sid, ...(clientId !== undefined && { clientId }), reason }
  await recordEvent(deps, sessionEnded(origin, about))
  return true
}
