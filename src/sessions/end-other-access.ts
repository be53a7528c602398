import { sessionsEnded } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import { accountTag } from '../encryption/opaque-token.ts'
import type { SessionClients } from '../ephemeral/sessions.ts'
import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'
import { type NotifyDeps, notifyingClients, notifyOfEnded } from './notify-clients.ts'
import type { OtherSessions } from './schemas.ts'

/** Whose access ends, but for one session. */
export type OtherAccess = { accountId: string; keptSessionId: string | null; others: OtherSessions }

/**
 * What a change of factors or of the password ends (docs/security.md 19): pending challenges and enrollments, and all
 * sessions but the one that is kept, unless their owner keeps those too. Called in the transaction of the change, before
 * it commits: where Redis is away nothing has changed, and it can be repeated. The session that is kept has asked for the
 * change; where it has ended while the change waited for a hash or for another change, nothing changes (docs/security.md
 * 39). Answers the sessions that have ended; the caller is inside `notifyingOfOthers`.
 * @throws {AuthError} invalid_token, where that session has ended
 */
export const endOtherAccess = async (
  deps: Pick<Deps, 'ephemeral'> & { postgres: Sql },
  origin: Origin,
  about: OtherAccess,
  reason:
    | 'authenticator_confirmed'
    | 'authenticator_removed'
    | 'recovery_codes_generated'
    | 'second_factor_disabled'
    | 'password_changed'
    | 'password_set',
): Promise<readonly SessionClients[]> => {
  const { accountId, keptSessionId, others } = about
  const nowMs = origin.now.getTime()
  const kept = keptSessionId && { accountTag: accountTag(accountId), sid: keptSessionId, grantId: null }
  if (kept && !(await deps.ephemeral.sessions.touch(kept, nowMs))) {
    throw new AuthError('invalid_token', 'The session has ended.')
  }
  await deps.ephemeral.challenges.endAll(accountId)
  if (others === 'keep') return []
  const ended = await deps.ephemeral.sessions.endAll(accountId, keptSessionId, nowMs)
  if (ended.length > 0) await recordEvent(deps, sessionsEnded(origin, { accountId, keptSessionId, reason }))
  return ended
}

/** Runs the transaction that ends other access, and tells the clients of the sessions that it has ended. */
export const notifyingOfOthers = async <Done extends { ended: readonly SessionClients[] }>(
  deps: NotifyDeps,
  { now }: Origin,
  { accountId, keptSessionId, others }: OtherAccess,
  run: () => Promise<Done>,
): Promise<Done> => {
  if (others === 'end') {
    return notifyingClients(deps, { accountId, sid: null, exceptSid: keptSessionId, now }, run)
  }
  const done = await run()
  await notifyOfEnded(deps, accountId, done.ended)
  return done
}
