// The log, newest first: for administrators all of it, by filter; for an account its own part.

import type { Sql } from '../postgres/pool.ts'
import { decodeCursor, toPage } from '../wire/page-cursor.ts'
import type { ActivityItem, AuditItem } from './schemas.ts'
import { type EventFilter, findEvents, type RecordedEvent } from './store.ts'

/** `cursor` is `next_cursor` of the page before; undefined for the first. */
export type EventPage = { limit: number; cursor?: string | undefined }
type Listed<Item> = { items: Item[]; next_cursor: string | null }

/** Epoch milliseconds (up to the year 5138, which JavaScript and PostgreSQL can both represent), and the id. */
const KEY = [/^\d{1,14}$/, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/]

const keyOf = ({ occurred_at, id }: RecordedEvent): string[] => [String(occurred_at.getTime()), id]

const readKey = ([ms = '', id = '']: string[]) => ({ occurredAt: new Date(Number(ms)), id })

const pageOf = async (
  deps: { postgres: Sql },
  filter: EventFilter,
  { limit, cursor }: EventPage,
): Promise<Listed<RecordedEvent>> => {
  const before = cursor === undefined ? null : readKey(decodeCursor(cursor, KEY))
  return toPage(await findEvents(deps, filter, { before, limit: limit + 1 }), limit, keyOf)
}

const toAuditItem = ({ actor_type, actor_id, ...event }: RecordedEvent): AuditItem => ({
  ...event,
  occurred_at: event.occurred_at.toISOString(),
  actor: { type: actor_type, id: actor_id },
})

/** Where someone else acted, the account does not see their address and browser. */
const toActivityItem = (event: RecordedEvent): ActivityItem => {
  const byStaff = event.actor_type === 'administrator' || event.actor_type === 'command_line'
  return {
    id: event.id,
    occurred_at: event.occurred_at.toISOString(),
    event: event.event,
    outcome: event.outcome,
    actor_type: event.actor_type,
    client_id: event.client_id,
    session_id: event.session_id,
    ip: byStaff ? null : event.ip,
    user_agent: byStaff ? null : event.user_agent,
    details: event.details,
  }
}

/**
 * One page of the log for administrators.
 * @throws {AuthError} invalid_request, for a cursor that this list did not give.
 */
export const listEvents = async (
  deps: { postgres: Sql },
  filter: EventFilter,
  page: EventPage,
): Promise<Listed<AuditItem>> => {
  const { items, next_cursor } = await pageOf(deps, filter, page)
  return { items: items.map(toAuditItem), next_cursor }
}

/**
 * One page of an account's own events (`GET /v1/me/activity`).
 * @throws {AuthError} invalid_request, for a cursor that this list did not give.
 */
export const listAccountEvents = async (
  deps: { postgres: Sql },
  accountId: string,
  page: EventPage,
): Promise<Listed<ActivityItem>> => {
  const filter = { accountId, event: null, outcome: null, from: null, to: null }
  const { items, next_cursor } = await pageOf(deps, filter, page)
  return { items: items.map(toActivityItem), next_cursor }
}
