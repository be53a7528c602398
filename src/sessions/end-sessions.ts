import { sessionsEnded } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import { type NotifyDeps, notifyingClients } from './notify-clients.ts'

/**
 * Ends all sessions of an account but `keptSessionId`, with their grants and tokens and every sign-in that is under way,
 * at once, and tells their clients. Safe to repeat after an outage.
 */
export const endSessions = async (
  deps: NotifyDeps,
  origin: Origin,
  about: { accountId: string; keptSessionId: string | null; reason: string },
): Promise<void> => {
  const { accountId, keptSessionId } = about
  const ending = { accountId, sid: null, exceptSid: keptSessionId, now: origin.now }
  await notifyingClients(deps, ending, async () => ({
    ended: await deps.ephemeral.sessions.endAll(accountId, keptSessionId, origin.now.getTime()),
  }))
  // Ended first: should recording fail, the answer says so, and the sessions have ended all the same.
  await recordEvent(deps, sessionsEnded(origin, about))
}
