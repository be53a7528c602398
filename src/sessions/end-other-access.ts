import { sessionsEnded } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import type { Sql } from '../postgres/pool.ts'
import type { OtherSessions } from './schemas.ts'

/**
 * What a change of factors or of the password ends (docs/security.md 19): pending challenges and enrollments, and all
 * sessions but the one that is kept, unless their owner keeps those too. Called in the transaction of the change, before
 * it commits: where Redis is away nothing has changed, and it can be repeated.
 */
export const endOtherAccess = async (
  deps: Pick<Deps, 'ephemeral'> & { postgres: Sql },
  origin: Origin,
  about: { accountId: string; keptSessionId: string | null; others: OtherSessions },
  reason:
    | 'authenticator_confirmed'
    | 'authenticator_removed'
    | 'recovery_codes_generated'
    | 'second_factor_disabled'
    | 'password_changed',
): Promise<void> => {
  const { accountId, keptSessionId, others } = about
  await deps.ephemeral.challenges.endAll(accountId)
  if (others === 'keep') return
  const ended = await deps.ephemeral.sessions.endAll(accountId, keptSessionId, origin.now.getTime())
  if (ended > 0) await recordEvent(deps, sessionsEnded(origin, { accountId, keptSessionId, reason }))
}
