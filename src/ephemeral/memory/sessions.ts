// Sessions in memory: `fragment-session.lua` and `fragment-opening.lua`.
import { accountTag } from '../../encryption/opaque-token.ts'
import type { Epochs } from '../ephemeral.ts'
import { packSession, type Stored, unpackSession, unpackUsed } from '../records.ts'
import type { ListedSession, NewSession, SessionClients, UsedSession } from '../sessions.ts'
import { grantIdOf, networkHash } from '../stored-names.ts'
import type { MemoryAccounts } from './accounts.ts'
import { createExpiringMap, type MonotonicClock } from './expiring-map.ts'
import { type Granting, newStoredGrant, openGrant } from './grants.ts'

export type StoredSession = Granting & {
  tag: string
  sid: string
  idleMs: number
  absoluteAt: number
  createdAt: number
  lastSeenMs: number
  epoch: number
  browserKeyHash: string | null
  /** How often grants were withdrawn. */
  withdrawn: number
}

const storedOf = ({ record, lastSeenMs, absoluteAt, browserKeyHash }: StoredSession): Stored => ({
  record,
  lastSeenMs,
  absoluteAt,
  inBrowser: browserKeyHash !== null,
})

export const listed = (session: StoredSession): ListedSession | null => unpackSession(storedOf(session))

/** Seen through a grant that it has, where one is named. */
export const usedThrough = (
  session: StoredSession,
  grantId: string | null,
  accountVersion: string,
): UsedSession | null => {
  const grant = grantId === null ? undefined : session.grants.get(grantId)
  if (grantId !== null && !grant) return null
  return unpackUsed(
    storedOf(session),
    grant && grantId !== null ? { id: grantId, ...grant } : null,
    accountVersion,
  )
}

export const clientsOf = ({ sid, clients }: StoredSession): SessionClients => ({
  sid,
  clientIds: [...clients],
})

/** When it ends if it is not used again. */
const endsAt = ({ lastSeenMs, idleMs, absoluteAt }: StoredSession): number =>
  Math.min(lastSeenMs + idleMs, absoluteAt * 1000)

const keyOf = (tag: string, sid: string): string => `${tag}:${sid}`

/** What it becomes as it is opened, or under its id; `before` has its grants, and when it was created. */
const opened = (
  session: NewSession,
  epoch: number,
  nowMs: number,
  before: StoredSession | undefined,
): StoredSession => {
  const { sid, accountId, idleSeconds, absoluteAt, createdAt, browserKeyHash, grant } = session
  const kept = before ?? { grants: new Map(), clients: [], withdrawn: 0, createdAt }
  const times = { idleMs: idleSeconds * 1000, absoluteAt, lastSeenMs: nowMs }
  const about = { tag: accountTag(accountId), sid, record: packSession(session), epoch, browserKeyHash }
  const stored: StoredSession = { ...kept, ...about, ...times }
  if (grant) {
    const first = newStoredGrant(grant, { jkt: '', own: '' }, nowMs)
    openGrant(stored, grantIdOf(grant.familyHash), first, session.clientId)
  }
  return stored
}

export type MemorySessions = ReturnType<typeof memorySessions>

/** What the other stores in memory need of sessions. All of it is synchronous, so atomic. */
export const memorySessions = (clock: MonotonicClock, accounts: MemoryAccounts) => {
  const sidsOf = new Map<string, Set<string>>()
  const sessions = createExpiringMap<StoredSession>(clock, ({ tag, sid }) => {
    const sids = sidsOf.get(tag)
    sids?.delete(sid)
    if (sids?.size === 0) sidsOf.delete(tag)
  })

  const live = (tag: string, sid: string, nowMs: number): StoredSession | null => {
    const session = sessions.get(keyOf(tag, sid))
    if (!session || session.epoch < accounts.read(tag).sessionEpoch) return null
    return nowMs >= endsAt(session) ? null : session
  }
  const end = (tag: string, sid: string) => sessions.delete(keyOf(tag, sid))
  const store = (session: StoredSession, nowMs: number) => {
    const ttlMs = Math.min(session.idleMs, session.absoluteAt * 1000 - nowMs)
    sessions.set(keyOf(session.tag, session.sid), session, ttlMs)
  }
  const allOf = (tag: string, nowMs: number): StoredSession[] =>
    [...(sidsOf.get(tag) ?? [])].flatMap((sid) => live(tag, sid, nowMs) ?? [])

  /**
   * Ends the sessions that would end first, so that `keep` of them are left beside `sid`. Expired ones are removed before
   * that.
   */
  const makeRoom = (
    tag: string,
    { sid: kept }: NewSession,
    keep: number,
    nowMs: number,
  ): SessionClients[] => {
    for (const sid of [...(sidsOf.get(tag) ?? [])]) if (!live(tag, sid, nowMs)) end(tag, sid)
    const endingFirst = allOf(tag, nowMs)
      .filter(({ sid }) => sid !== kept)
      .sort((a, b) => endsAt(a) - endsAt(b) || (a.sid < b.sid ? -1 : 1))
    const ending = endingFirst.slice(0, Math.max(endingFirst.length - keep, 0))
    for (const { sid } of ending) end(tag, sid)
    return ending.map(clientsOf)
  }
  /** A session that has ended is not replaced: a step-up or an enrollment in it must not bring it back. */
  const mayOpen = ({ accountId, replacesSid }: NewSession, epochs: Epochs, nowMs: number): boolean => {
    const tag = accountTag(accountId)
    const { sessionEpoch, challengeEpoch } = accounts.read(tag)
    if (epochs.sessionEpoch !== sessionEpoch) return false
    if (epochs.challengeEpoch !== undefined && epochs.challengeEpoch !== challengeEpoch) return false
    return replacesSid === null || live(tag, replacesSid, nowMs) !== null
  }
  return {
    live,
    end,
    mayOpen,
    allOf,
    /** Begins the idle time anew; a clock that is behind takes nothing back. */
    use(session: StoredSession, nowMs: number) {
      session.lastSeenMs = Math.max(session.lastSeenMs, nowMs)
      store(session, nowMs)
    },
    /** Ends a grant, and a session that is no browser's with its last one; returns the latter. */
    endGrant(session: StoredSession, grantId: string): SessionClients | null {
      session.grants.delete(grantId)
      if (session.browserKeyHash !== null || session.grants.size > 0) return null
      end(session.tag, session.sid)
      return clientsOf(session)
    },
    /** The sessions that it has ended, or null where it may not be opened. */
    open(session: NewSession, epochs: Epochs, nowMs: number): SessionClients[] | null {
      const { accountId, sid, maxSessions, replacesSid } = session
      const tag = accountTag(accountId)
      if (!mayOpen(session, epochs, nowMs)) return null
      const replaced = replacesSid === null ? undefined : sessions.get(keyOf(tag, replacesSid))
      const inPlace = replacesSid === sid
      if (replaced && !inPlace) end(tag, replaced.sid)
      const ended = makeRoom(tag, session, maxSessions - 1, nowMs)
      accounts.rememberNetwork(tag, networkHash(accountId, session.network))
      store(opened(session, epochs.sessionEpoch, nowMs, inPlace ? replaced : undefined), nowMs)
      sidsOf.set(tag, (sidsOf.get(tag) ?? new Set()).add(sid))
      return replaced && !inPlace ? [clientsOf(replaced), ...ended] : ended
    },
    find: (tag: string, sid: string) => sessions.get(keyOf(tag, sid)),
    sweep: sessions.sweep,
  }
}
