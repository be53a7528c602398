import { sessionsEnded } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import { accountTag } from '../encryption/opaque-token.ts'
import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'
import type { OtherSessions } from './schemas.ts'

/**
 * What a change of factors or of the password ends (docs/security.md 19): pending challenges and enrollments, and all
 * sessions but the one that is kept, unless their owner keeps those too. Called in the transaction of the change, before
 * it commits: where Redis is away nothing has changed, and it can be repeated. The session that is kept has asked for the
 * change; where it has ended while the change waited for a hash or for another change, nothing changes (docs/security.md
 * 39).
 * @throws {AuthError} invalid_token, where that session has ended
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
  const nowMs = origin.now.getTime()
  const kept = keptSessionId && { accountTag: accountTag(accountId), sid: keptSessionId, grantId: null }
  if (kept && !(await deps.ephemeral.sessions.touch(kept, nowMs))) {
    throw new AuthError('invalid_token', 'The session has ended.')
  }
  await deps.ephemeral.challenges.endAll(accountId)
  if (others === 'keep') return
  const ended = await deps.ephemeral.sessions.endAll(accountId, keptSessionId, nowMs)
  if (ended.length > 0) await recordEvent(deps, sessionsEnded(origin, { accountId, keptSessionId, reason }))
}
