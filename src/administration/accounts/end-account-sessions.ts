import { findAccount } from '../../accounts/store.ts'
import type { Origin } from '../../audit/event.ts'
import { AuthError } from '../../errors.ts'
import { endSessions } from '../../sessions/end-sessions.ts'
import type { NotifyDeps } from '../../sessions/notify-clients.ts'

/** Signs an account out everywhere, for an administrator; it may sign in again. @throws {AuthError} not_found */
export const endAccountSessions = async (
  deps: NotifyDeps,
  origin: Origin,
  accountId: string,
): Promise<void> => {
  if (!(await findAccount(deps, accountId))) throw new AuthError('not_found', 'There is no such account.')
  await endSessions(deps, origin, { accountId, keptSessionId: null, reason: 'administrator' })
}
