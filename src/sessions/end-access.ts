import type { Origin } from '../audit/event.ts'
import { endSessions } from './end-sessions.ts'
import type { NotifyDeps } from './notify-clients.ts'

/**
 * Ends every session of an account, with its access and refresh tokens, and every pending challenge and
 * enrollment, at once. Safe to repeat after an outage.
 */
export const endAccess = async (
  deps: NotifyDeps,
  origin: Origin,
  accountId: string,
  reason: 'disabled' | 'deleted' | 'second_factor_reset',
): Promise<void> => {
  await deps.ephemeral.challenges.endAll(accountId)
  await endSessions(deps, origin, { accountId, keptSessionId: null, reason })
}
