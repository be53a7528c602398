import { findAccount } from '../../accounts/store.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { type SessionItem, toSessionItem } from '../../sessions/schemas.ts'

/** An account's live sessions, for an administrator. @throws {AuthError} not_found */
export const listAccountSessions = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clock'>,
  accountId: string,
): Promise<SessionItem[]> => {
  if (!(await findAccount(deps, accountId))) throw new AuthError('not_found', 'There is no such account.')
  return (await deps.ephemeral.sessions.list(accountId, deps.clock().getTime())).map(toSessionItem)
}
