import type { Deps } from '../deps.ts'
import type { ListedSession } from '../ephemeral/ephemeral.ts'

/** The account's live sessions, newest first. */
export const listSessions = (
  deps: Pick<Deps, 'ephemeral'>,
  accountId: string,
  now: Date,
): Promise<ListedSession[]> => deps.ephemeral.sessions.list(accountId, now.getTime())
