// Tells clients of sessions that end: every ending goes through here. A client is told where it has a
// `backchannel_logout_uri`, and had a grant in the session.
//
// The order is: write the notices, end the sessions, have the notices sent. So a process that is killed in between loses
// none. Until the sessions have ended the notices are held back: a client that was told before could be signed in again
// by the session that is about to end. What was added to a session meanwhile is known by the answer to its end. Where
// nothing ended after all, the notices are taken back; where that cannot be found out, or the process was killed, they are
// sent when `HELD_MS` have passed: a client that is told too much asks its user to sign in again, which costs nothing.
import { v7 as uuidv7 } from 'uuid'
import type { Deps } from '../deps.ts'
import type { SessionClients } from '../ephemeral/sessions.ts'
import type { NewNotice } from '../notices/notice.ts'
import { addNotices, withdrawNotices } from '../notices/store.ts'

export type NotifyDeps = Pick<Deps, 'postgres' | 'ephemeral' | 'clients' | 'notices'>

/** What is about to end: one session, or with `sid` null all of an account but `exceptSid`. */
export type Ending = { accountId: string; sid: string | null; exceptSid: string | null; now: Date }

/** Longer than a transaction can take. */
const HELD_MS = 15_000

const noticesOf = async (
  deps: Pick<Deps, 'clients'>,
  accountId: string,
  sessions: readonly SessionClients[],
): Promise<NewNotice[]> => {
  const notices: NewNotice[] = []
  for (const { sid, clientIds } of sessions) {
    for (const clientId of clientIds) {
      const client = await deps.clients.find(clientId)
      if (client?.backchannelLogoutUri) notices.push({ id: uuidv7(), clientId, accountId, sid })
    }
  }
  return notices
}

/** Tells the clients of sessions that have ended already: those that gave way to another one. */
export const notifyOfEnded = async (
  deps: Pick<Deps, 'clients' | 'notices'>,
  accountId: string,
  ended: readonly SessionClients[],
): Promise<void> => deps.notices.add(await noticesOf(deps, accountId, ended))

/** Takes those of live sessions back. What is left is sent in a while. */
const takeBack = async (
  deps: NotifyDeps,
  { accountId, now }: Ending,
  notices: readonly NewNotice[],
): Promise<void> => {
  if (notices.length === 0) return
  const live = await deps.ephemeral.sessions.participants(accountId, null, now.getTime())
  const sids = new Set(live.map(({ sid }) => sid))
  const ids = notices.filter(({ sid }) => sids.has(sid)).map(({ id }) => id)
  if (ids.length > 0) await withdrawNotices(deps, ids)
}

/**
 * Runs what ends sessions, outside of any transaction of the caller's, and tells their clients. `run` answers which have
 * ended.
 * @throws {DependencyError} where the notices cannot be written: nothing has been done, and it can be repeated
 */
export const notifyingClients = async <Done extends { ended: readonly SessionClients[] }>(
  deps: NotifyDeps,
  ending: Ending,
  run: () => Promise<Done>,
): Promise<Done> => {
  const { accountId, sid, exceptSid, now } = ending
  const live = await deps.ephemeral.sessions.participants(accountId, sid, now.getTime())
  const concerned = live.filter((session) => session.sid !== exceptSid)
  const held = await noticesOf(deps, accountId, concerned)
  if (held.length > 0) {
    await addNotices(deps, held, { now, sendFrom: new Date(now.getTime() + HELD_MS) })
  }
  try {
    const done = await run()
    await notifyOfEnded(deps, accountId, done.ended)
    const ended = new Set(done.ended.map((session) => session.sid))
    await takeBack(
      deps,
      ending,
      held.filter((notice) => !ended.has(notice.sid)),
    ).catch(() => {})
    return done
  } catch (error) {
    await takeBack(deps, ending, held).catch(() => {})
    throw error
  }
}
