import { findAccount } from '../../accounts/store.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { listSessions, type PageAsked } from '../../sessions/list-sessions.ts'
import { type SessionItem, toSessionItem } from '../../sessions/schemas.ts'

/**
 * One page of an account's live sessions, for an administrator.
 * @throws {AuthError} not_found; invalid_request, for a cursor that this list did not give.
 */
export const listAccountSessions = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clock'>,
  accountId: string,
  page: PageAsked,
): Promise<{ items: SessionItem[]; next_cursor: string | null }> => {
  if (!(await findAccount(deps, accountId))) throw new AuthError('not_found', 'There is no such account.')
  const { items, next_cursor } = await listSessions(deps, accountId, page, deps.clock())
  return { items: items.map(toSessionItem), next_cursor }
}
