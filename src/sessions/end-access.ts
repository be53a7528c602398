import { sessionsEnded } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import type { Sql } from '../postgres/pool.ts'

/**
 * Ends every session of an account, with its access and refresh tokens, and every pending challenge and
 * enrollment, at once. Safe to repeat after an outage.
 */
export const endAccess = async (
  deps: Pick<Deps, 'ephemeral'> & { postgres: Sql },
  origin: Origin,
  accountId: string,
  reason: 'disabled' | 'deleted' | 'second_factor_reset' | 'password_set',
): Promise<void> => {
  await deps.ephemeral.sessions.endAll(accountId, null, origin.now.getTime())
  await deps.ephemeral.challenges.endAll(accountId)
  await recordEvent(deps, sessionsEnded(origin, { accountId, keptSessionId: null, reason }))
}
