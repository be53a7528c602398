// The contract of sessions in memory, above `sessions.ts`; the counterpart of the scripts.
import { accountTag } from '../../encryption/opaque-token.ts'
import { ALL_SESSIONS } from '../records.ts'
import type { GrantPlace, RefreshRotated, SessionStore, UsedSession } from '../sessions.ts'
import { grantIdOf } from '../stored-names.ts'
import type { MemoryAccounts } from './accounts.ts'
import { isToBeRecorded, termsOf, useGrant } from './grants.ts'
import { clientsOf, listed, type MemorySessions, usedThrough } from './sessions.ts'

type Age = { createdAt: number; sid: string }

const newestFirst = (a: Age, b: Age): number =>
  b.createdAt - a.createdAt || Number(a.sid < b.sid) - Number(a.sid > b.sid)

const touched = (
  sessions: MemorySessions,
  accounts: MemoryAccounts,
  { accountTag: tag, sid, grantId }: GrantPlace,
  nowMs: number,
): UsedSession | null => {
  const session = sessions.live(tag, sid, nowMs)
  const grant = grantId === null ? undefined : session?.grants.get(grantId)
  if (!session || (grantId !== null && !grant)) return null
  if (nowMs - session.lastSeenMs >= 1000) {
    sessions.use(session, nowMs)
    if (grant) useGrant(grant, nowMs)
  }
  return usedThrough(session, grantId, accounts.versionOf(tag, nowMs))
}

const rotate =
  (sessions: MemorySessions, accounts: MemoryAccounts): SessionStore['rotateRefresh'] =>
  async (
    { accountTag: tag, sid },
    { familyHash, refreshHash, jkt },
    next,
    nowMs,
  ): Promise<RefreshRotated> => {
    const session = sessions.live(tag, sid, nowMs)
    const grantId = grantIdOf(familyHash)
    const grant = session?.grants.get(grantId)
    const terms = session && grant && termsOf(session, grant)
    // Who does not know the family part never had a token of this grant, and must not be able to end it.
    if (!session || !grant || !terms || grant.refreshHash === '') return { kind: 'unknown' }
    const used = () => usedThrough(session, grantId, accounts.versionOf(tag, nowMs))
    const before = used()
    if (!before) return { kind: 'unknown' }
    const { accountVersion, grant: through, ...shown } = before
    // Without the key nobody uses its tokens, and nobody ends it by one.
    if (grant.jkt !== '' && grant.jkt !== jkt) return { kind: 'wrong_key', session: shown }
    const isCurrent = grant.refreshHash === refreshHash
    // What was before the current one is there only as long as the current one is unused.
    const graced = !isCurrent && grant.beforeHash === refreshHash && nowMs < grant.replacedMs + next.graceMs
    if (!isCurrent && !graced) {
      return { kind: 'reused', session: shown, endedSession: sessions.endGrant(session, grantId) }
    }
    const { lockedUntilMs } = accounts.read(tag)
    if (lockedUntilMs !== null && lockedUntilMs > nowMs) {
      return { kind: 'locked', accountId: before.accountId, untilMs: lockedUntilMs }
    }
    if (terms.secondFactorAt !== null && terms.secondFactorAt < next.secondFactorSince)
      return { kind: 'stale', session: before }
    const isDue = isToBeRecorded(grant, next.ip, nowMs)
    if (isDue) grant.recordedMs = nowMs
    // A token that was good once more is not so a third time.
    grant.beforeHash = isCurrent ? refreshHash : ''
    Object.assign(grant, {
      replacedMs: nowMs,
      refreshHash: next.refreshHash,
      renewedFrom: next.ip,
      usedMs: nowMs,
    })
    sessions.use(session, nowMs)
    const rotated = used()
    return rotated
      ? { kind: 'rotated', session: rotated, isToBeRecorded: isDue, graced }
      : { kind: 'unknown' }
  }

export const memorySessionStore = (sessions: MemorySessions, accounts: MemoryAccounts): SessionStore => ({
  async open(session, epochs, nowMs) {
    return sessions.open(session, epochs, nowMs)
  },
  async touch(place, nowMs) {
    return touched(sessions, accounts, place, nowMs)
  },
  async findByRefresh(place, { familyHash, refreshHash }, nowMs) {
    const grantId = grantIdOf(familyHash)
    const grant = sessions.live(place.accountTag, place.sid, nowMs)?.grants.get(grantId)
    return grant?.refreshHash === refreshHash
      ? touched(sessions, accounts, { ...place, grantId }, nowMs)
      : null
  },
  async findByBrowser(place, browserKeyHash, nowMs) {
    const session = sessions.live(place.accountTag, place.sid, nowMs)
    if (session?.browserKeyHash !== browserKeyHash) return null
    return touched(sessions, accounts, { ...place, grantId: null }, nowMs)
  },
  rotateRefresh: rotate(sessions, accounts),
  async restoreRefresh({ accountTag: tag, sid }, { familyHash, refreshHash }, nextHash) {
    const grant = sessions.find(tag, sid)?.grants.get(grantIdOf(familyHash))
    // None is before what is put back: who has presented it has received it.
    if (grant?.refreshHash === nextHash)
      Object.assign(grant, { refreshHash, beforeHash: '', recordedMs: null })
  },
  async list(accountId, nowMs, { limit, after } = ALL_SESSIONS) {
    const live = sessions.allOf(accountTag(accountId), nowMs).sort(newestFirst)
    const rest = after ? live.filter((session) => newestFirst(after, session) < 0) : live
    return rest.slice(0, limit).flatMap((session) => listed(session) ?? [])
  },
  async participants(accountId, sid, nowMs) {
    const live = sessions.allOf(accountTag(accountId), nowMs)
    return live.filter((session) => sid === null || session.sid === sid).map(clientsOf)
  },
  async end(accountId, sid, nowMs) {
    const tag = accountTag(accountId)
    const session = sessions.live(tag, sid, nowMs)
    sessions.end(tag, sid)
    return session && clientsOf(session)
  },
  async endAll(accountId, exceptSid, nowMs) {
    const tag = accountTag(accountId)
    const ending = sessions.allOf(tag, nowMs).filter(({ sid }) => sid !== exceptSid)
    const kept = exceptSid === null ? null : sessions.live(tag, exceptSid, nowMs)
    const { sessionEpoch } = accounts.write(tag, { sessionEpoch: accounts.read(tag).sessionEpoch + 1 })
    if (kept) kept.epoch = sessionEpoch
    for (const { sid } of ending) sessions.end(tag, sid)
    return ending.map(clientsOf)
  },
  async endGrant({ accountTag: tag, sid, grantId }, nowMs) {
    const session = sessions.live(tag, sid, nowMs)
    const grant = session?.grants.get(grantId)
    const terms = session && grant && termsOf(session, grant)
    if (!terms) return null
    const { clientId, clientRegisteredAt } = terms
    return { clientId, clientRegisteredAt, endedSession: sessions.endGrant(session, grantId) }
  },
  async endGrantsOf(accountId, clientId, nowMs) {
    const concerned = new Set<string>()
    for (const session of sessions.allOf(accountTag(accountId), nowMs)) {
      session.withdrawn += 1
      for (const [id, grant] of [...session.grants]) {
        if (termsOf(session, grant)?.clientId !== clientId) continue
        concerned.add(session.sid)
        sessions.endGrant(session, id)
      }
    }
    return [...concerned]
  },
})
