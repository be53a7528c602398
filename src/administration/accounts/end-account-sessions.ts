import { findAccount } from '../../accounts/store.ts'
import { sessionsEnded } from '../../audit/authentication-events.ts'
import type { Origin } from '../../audit/event.ts'
import { recordEvent } from '../../audit/store.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'

/** Signs an account out everywhere, for an administrator; it may sign in again. @throws {AuthError} not_found */
export const endAccountSessions = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral'>,
  origin: Origin,
  accountId: string,
): Promise<void> => {
  if (!(await findAccount(deps, accountId))) throw new AuthError('not_found', 'There is no such account.')
  await deps.ephemeral.sessions.endAll(accountId, null, origin.now.getTime())
  await recordEvent(deps, sessionsEnded(origin, { accountId, keptSessionId: null, reason: 'administrator' }))
}
