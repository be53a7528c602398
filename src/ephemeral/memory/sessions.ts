// Sessions and their refresh families in memory: `fragment-session.lua` and the scripts above it.
import { accountTag } from '../../encryption/opaque-token.ts'
import type { Epochs } from '../ephemeral.ts'
import { ALL_SESSIONS, packSession, unpackSession } from '../records.ts'
import type { ListedSession, NewSession, SessionStore } from '../sessions.ts'
import { networkHash } from '../stored-names.ts'
import type { MemoryAccounts } from './accounts.ts'
import { createExpiringMap, type MonotonicClock } from './expiring-map.ts'

type StoredSession = {
  tag: string
  sid: string
  record: string
  idleMs: number
  absoluteAt: number
  createdAt: number
  lastSeenMs: number
  epoch: number
  familyHash: string
  refreshHash: string
  /** When a renewal was last to be recorded; null for never, or where that has failed. */
  recordedMs: number | null
  /** From which address the last renewal came. */
  renewedFrom: string | null
}

const listed = ({ record, lastSeenMs, absoluteAt }: StoredSession): ListedSession | null =>
  unpackSession(record, lastSeenMs, absoluteAt)

/** When it ends if it is not used again. */
const endsAt = ({ lastSeenMs, idleMs, absoluteAt }: StoredSession): number =>
  Math.min(lastSeenMs + idleMs, absoluteAt * 1000)

/** Of the renewals of so long from one address, one is to be recorded. */
const RECORDED_EVERY_MS = 60 * 60 * 1000

const isToBeRecorded = (
  { recordedMs, renewedFrom }: StoredSession,
  ip: string | null,
  nowMs: number,
): boolean => {
  if (recordedMs === null || renewedFrom !== ip) return true
  // Below zero, the clock that noted it was ahead.
  const sinceMs = nowMs - recordedMs
  return sinceMs < 0 || sinceMs >= RECORDED_EVERY_MS
}

type Age = { createdAt: number; sid: string }

const newestFirst = (a: Age, b: Age): number =>
  b.createdAt - a.createdAt || Number(a.sid < b.sid) - Number(a.sid > b.sid)

const keyOf = (tag: string, sid: string): string => `${tag}:${sid}`

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

  /** Ends the sessions that would end first, so that `keep` of them are left. Expired ones are removed before that. */
  const makeRoom = (tag: string, keep: number, nowMs: number) => {
    for (const sid of [...(sidsOf.get(tag) ?? [])]) if (!live(tag, sid, nowMs)) end(tag, sid)
    const endingFirst = allOf(tag, nowMs).sort((a, b) => endsAt(a) - endsAt(b) || (a.sid < b.sid ? -1 : 1))
    for (const { sid } of endingFirst.slice(0, Math.max(endingFirst.length - keep, 0))) end(tag, sid)
  }
  /** Begins the idle time anew; a clock that is behind takes nothing back. */
  const use = (session: StoredSession, nowMs: number) => {
    session.lastSeenMs = Math.max(session.lastSeenMs, nowMs)
    store(session, nowMs)
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
    use,
    allOf,
    isLive: (tag: string, sid: string, nowMs: number) => live(tag, sid, nowMs) !== null,
    open(session: NewSession, epochs: Epochs, nowMs: number): boolean {
      const { accountId, sid, absoluteAt, createdAt, maxSessions, replacesSid } = session
      const tag = accountTag(accountId)
      if (!mayOpen(session, epochs, nowMs)) return false
      if (replacesSid !== null) end(tag, replacesSid)
      makeRoom(tag, maxSessions - 1, nowMs)
      accounts.rememberNetwork(tag, networkHash(accountId, session.network))
      const { refreshFamilyHash: familyHash, refreshHash } = session
      const times = { idleMs: session.idleSeconds * 1000, absoluteAt, createdAt, lastSeenMs: nowMs }
      const record = packSession(session)
      const renewals = { familyHash, refreshHash, recordedMs: null, renewedFrom: null }
      store({ tag, sid, record, ...times, epoch: epochs.sessionEpoch, ...renewals }, nowMs)
      sidsOf.set(tag, (sidsOf.get(tag) ?? new Set()).add(sid))
      return true
    },
    find: (tag: string, sid: string) => sessions.get(keyOf(tag, sid)),
    sweep: sessions.sweep,
  }
}

export const memorySessionStore = (sessions: MemorySessions, accounts: MemoryAccounts): SessionStore => ({
  async open(session, epochs, nowMs) {
    return sessions.open(session, epochs, nowMs)
  },
  async touch(accountId, sid, nowMs) {
    const tag = accountTag(accountId)
    const session = sessions.live(tag, sid, nowMs)
    if (!session) return null
    if (nowMs - session.lastSeenMs >= 1000) sessions.use(session, nowMs)
    const shown = listed(session)
    return shown && { ...shown, accountVersion: accounts.versionOf(tag, nowMs) }
  },
  async rotateRefresh({ accountTag: tag, sid }, { familyHash, refreshHash }, next, nowMs) {
    const session = sessions.live(tag, sid, nowMs)
    const before = session && listed(session)
    // Who does not know the family part never had a token of this session, and must not be able to end it.
    if (!session || !before || session.familyHash !== familyHash) return { kind: 'unknown' }
    if (session.refreshHash !== refreshHash) {
      sessions.end(tag, sid)
      return { kind: 'reused', session: before }
    }
    const { lockedUntilMs } = accounts.read(tag)
    if (lockedUntilMs !== null && lockedUntilMs > nowMs) {
      return { kind: 'locked', accountId: before.accountId, untilMs: lockedUntilMs }
    }
    const { secondFactorAt } = before
    const accountVersion = accounts.versionOf(tag, nowMs)
    if (secondFactorAt !== null && secondFactorAt < next.secondFactorSince)
      return { kind: 'stale', session: { ...before, accountVersion } }
    const isDue = isToBeRecorded(session, next.ip, nowMs)
    if (isDue) session.recordedMs = nowMs
    session.renewedFrom = next.ip
    session.refreshHash = next.refreshHash
    sessions.use(session, nowMs)
    const lastSeenAt = Math.floor(session.lastSeenMs / 1000)
    return { kind: 'rotated', session: { ...before, lastSeenAt, accountVersion }, isToBeRecorded: isDue }
  },
  async restoreRefresh({ accountTag: tag, sid }, currentHash, previousHash) {
    const session = sessions.find(tag, sid)
    if (session?.refreshHash !== currentHash) return
    session.refreshHash = previousHash
    session.recordedMs = null
  },
  async list(accountId, nowMs, { limit, after } = ALL_SESSIONS) {
    const live = sessions.allOf(accountTag(accountId), nowMs).sort(newestFirst)
    const rest = after ? live.filter((session) => newestFirst(after, session) < 0) : live
    return rest.slice(0, limit).flatMap((session) => listed(session) ?? [])
  },
  async end(accountId, sid, nowMs) {
    const tag = accountTag(accountId)
    const wasLive = sessions.isLive(tag, sid, nowMs)
    sessions.end(tag, sid)
    return wasLive
  },
  async endAll(accountId, exceptSid, nowMs) {
    const tag = accountTag(accountId)
    const ending = sessions.allOf(tag, nowMs).filter(({ sid }) => sid !== exceptSid)
    const kept = exceptSid === null ? null : sessions.live(tag, exceptSid, nowMs)
    const { sessionEpoch } = accounts.write(tag, { sessionEpoch: accounts.read(tag).sessionEpoch + 1 })
    if (kept) kept.epoch = sessionEpoch
    for (const { sid } of ending) sessions.end(tag, sid)
    return ending.length
  },
})
