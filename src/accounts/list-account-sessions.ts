import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type SessionItem, toSessionItem } from '../sessions/session-schemas.ts'
import { findAccount } from './store.ts'

/** An account's live sessions, for an administrator. @throws {AuthError} not_found */
export const listAccountSessions = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clock'>,
  accountId: string,
): Promise<SessionItem[]> => {
  if (!(await findAccount(deps, accountId))) throw new AuthError('not_found', 'There is no such account.')
  const sessions = await deps.ephemeral.sessions.list(accountId, deps.clock().getTime())
  return sessions.map(toSessionItem)
}
