import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { listSessions } from '../sessions/list-sessions.ts'
import { type SessionItem, toSessionItem } from '../sessions/session-schemas.ts'
import { findAccount } from './store.ts'

/** An account's live sessions, for an administrator. @throws {AuthError} not_found */
export const listAccountSessions = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clock'>,
  accountId: string,
): Promise<SessionItem[]> => {
  if (!(await findAccount(deps, accountId))) throw new AuthError('not_found', 'There is no such account.')
  return (await listSessions(deps, accountId, deps.clock())).map(toSessionItem)
}
