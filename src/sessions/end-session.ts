import { sessionEnded } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'

/** Ends one session, with every grant in it. */
export const endSession = async (
  deps: Pick<Deps, 'ephemeral' | 'postgres'>,
  origin: Origin,
  { accountId, sid, clientId, reason }: { accountId: string; sid: string; clientId: string; reason: string },
): Promise<void> => {
  await recordEvent(deps, sessionEnded(origin, { accountId, sessionId: sid, clientId, reason }))
  await deps.ephemeral.sessions.end(accountId, sid, origin.now.getTime())
}
