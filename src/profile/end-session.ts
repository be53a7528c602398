import { sessionEnded } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'

/**
 * Ends one session of an account, with its access and refresh tokens, at once.
 * @throws {AuthError} not_found where it has no such live session
 */
export const endSession = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral'>,
  origin: Origin,
  accountId: string,
  sid: string,
): Promise<void> => {
  // Ended first: should recording fail, the answer says so, and the session has ended all the same.
  const ended = await deps.ephemeral.sessions.end(accountId, sid, origin.now.getTime())
  if (!ended) throw new AuthError('not_found', 'The account has no such session.')
  await recordEvent(deps, sessionEnded(origin, { accountId, sessionId: sid, reason: 'ended_by_account' }))
}
