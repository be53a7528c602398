// The log, newest first: for administrators all of it, by filter; for an account its own part.

import type { Sql } from '../postgres/pool.ts'
import { decodeCursor, toPage } from '../wire/page-cursor.ts'
import { UUID } from '../wire/schemas.ts'
import { type EventFilter, findEvents, type RecordedEvent } from './store.ts'

/** `cursor` is `next_cursor` of the page before; undefined for the first. */
type EventPage = { limit: number; cursor?: string | undefined }
type ListedEvents = { items: RecordedEvent[]; next_cursor: string | null }

/** Epoch milliseconds (up to the year 5138, which JavaScript and PostgreSQL can both represent), and the id. */
const KEY = [/^\d{1,14}$/, UUID]

const keyOf = ({ occurred_at, id }: RecordedEvent): string[] => [String(occurred_at.getTime()), id]

const readKey = ([ms = '', id = '']: string[]) => ({ occurredAt: new Date(Number(ms)), id })

/**
 * One page of the log, for administrators.
 * @throws {AuthError} invalid_request, for a cursor that this list did not give.
 */
export const listEvents = async (
  deps: { postgres: Sql },
  filter: EventFilter,
  { limit, cursor }: EventPage,
): Promise<ListedEvents> => {
  const before = cursor === undefined ? null : readKey(decodeCursor(cursor, KEY))
  return toPage(await findEvents(deps, filter, { before, limit: limit + 1 }), limit, keyOf)
}

/**
 * One page of an account's own events (`GET /v1/me/activity`).
 * @throws {AuthError} invalid_request, for a cursor that this list did not give.
 */
export const listAccountEvents = (
  deps: { postgres: Sql },
  accountId: string,
  page: EventPage,
): Promise<ListedEvents> =>
  listEvents(deps, { accountId, event: null, outcome: null, from: null, to: null }, page)
