import type { Deps } from '../deps.ts'
import type { ListedSession } from '../ephemeral/sessions.ts'
import { decodeCursor, toPage } from '../wire/page-cursor.ts'
import { UUID } from '../wire/schemas.ts'

const KEY = [/^[0-9]{1,12}$/, UUID]

/** `limit` from 1 to 200; `cursor` of the page before. */
export type PageAsked = { limit?: number | undefined; cursor?: string | undefined }

const DEFAULT_PAGE = 50

/**
 * One page of an account's live sessions, the newest first.
 * @throws {AuthError} invalid_request, for a cursor that this list did not give.
 */
export const listSessions = async (
  { ephemeral }: Pick<Deps, 'ephemeral'>,
  accountId: string,
  { limit = DEFAULT_PAGE, cursor }: PageAsked,
  now: Date,
): Promise<{ items: ListedSession[]; next_cursor: string | null }> => {
  const [createdAt, sid] = cursor === undefined ? [] : decodeCursor(cursor, KEY)
  const after = createdAt && sid ? { createdAt: Number(createdAt), sid } : null
  const found = await ephemeral.sessions.list(accountId, now.getTime(), { limit: limit + 1, after })
  return toPage(found, limit, (session) => [String(session.createdAt), session.sid])
}
