// Pending challenges and enrollments in memory; the counterpart of `fragment-pending.lua` and the scripts that use it.
import { accountTag } from '../../encryption/opaque-token.ts'
import type { ChallengeStore, EnrollmentStore, Epochs } from '../ephemeral.ts'
import { isAnsweredBy, packChallenge, packEnrollment, unpackChallenge, unpackEnrollment } from '../records.ts'
import type { NewSession, SessionClients } from '../sessions.ts'
import { newPlace, placeOf, placeOfAccount, type TokenPlace } from '../stored-names.ts'
import type { MemoryAccounts } from './accounts.ts'
import { createExpiringMap, type MonotonicClock } from './expiring-map.ts'
import type { MemorySessions } from './sessions.ts'

type Pending = {
  attempts: number
  expiresAtMs: number
  sessionEpoch: number
  challengeEpoch: number
  methods: string[]
  record: string
}

type Opening = { methods: string[]; record: string; epochs: Required<Epochs> }

export type MemoryPending = ReturnType<typeof memoryPending>

export const memoryPending = (clock: MonotonicClock, accounts: MemoryAccounts, sessions: MemorySessions) => {
  const pendings = createExpiringMap<Pending>(clock)
  const read = (place: TokenPlace | null, nowMs: number): Pending | null => {
    const pending = place && pendings.get(place.hash)
    if (!pending || pending.expiresAtMs <= nowMs) return null
    const account = accounts.read(place.tag)
    const { sessionEpoch, challengeEpoch } = pending
    const isCurrent = sessionEpoch === account.sessionEpoch && challengeEpoch === account.challengeEpoch
    return isCurrent ? pending : null
  }
  return {
    read,
    open(place: TokenPlace, pending: Opening, ttlMs: number, nowMs: number): boolean {
      const { sessionEpoch, challengeEpoch } = accounts.read(place.tag)
      const { epochs, methods, record } = pending
      if (sessionEpoch !== epochs.sessionEpoch || challengeEpoch !== epochs.challengeEpoch) return false
      const expiresAtMs = nowMs + ttlMs
      const opened = { attempts: 0, expiresAtMs, sessionEpoch, challengeEpoch, methods, record }
      pendings.set(place.hash, opened, ttlMs)
      return true
    },
    end: (place: TokenPlace) => pendings.delete(place.hash),
    pass(
      place: TokenPlace | null,
      session: NewSession,
      sessionEpoch: number,
      nowMs: number,
    ): SessionClients[] | null {
      if (!place || !read(place, nowMs) || !sessions.mayOpen(session, { sessionEpoch }, nowMs)) return null
      pendings.delete(place.hash)
      accounts.clear(place.tag)
      return sessions.open(session, { sessionEpoch }, nowMs)
    },
    sweep: pendings.sweep,
  }
}

export const memoryChallenges = (pendings: MemoryPending, accounts: MemoryAccounts): ChallengeStore => ({
  async open(token, { record, methods, ttlSeconds, epochs, nowMs }) {
    const place = newPlace('challenge', token, record.accountId)
    const opened = { methods: [...methods], record: packChallenge(record), epochs }
    return pendings.open(place, opened, ttlSeconds * 1000, nowMs)
  },
  async takeAttempt(token, { method, answerer }, limits, nowMs) {
    const place = placeOf('challenge', token)
    const challenge = pendings.read(place, nowMs)
    const record = challenge && unpackChallenge(challenge.record)
    if (!place || !challenge || !record) return { kind: 'unknown' }
    if (!isAnsweredBy(record, answerer)) return { kind: 'foreign', record }
    const { accountId, clientId } = record
    const { lockedUntilMs, sessionEpoch } = accounts.read(place.tag)
    if (lockedUntilMs !== null && lockedUntilMs > nowMs) {
      return { kind: 'locked', accountId, clientId, untilMs: lockedUntilMs }
    }
    if (!challenge.methods.includes(method)) {
      return { kind: 'method_not_offered', methods: [...challenge.methods] }
    }
    // The challenge has a limit of its own: clearing the account's failures gives it no new attempts.
    const left = limits.maxFailedAttempts - challenge.attempts
    if (left <= 0) return { kind: 'unknown' }
    const taken = accounts.take(place.tag, limits, nowMs)
    if (taken.lockedUntilMs !== null) {
      return { kind: 'locked', accountId, clientId, untilMs: taken.lockedUntilMs }
    }
    challenge.attempts += 1
    const accountVersion = accounts.versionOf(place.tag, nowMs)
    const remaining = Math.min(taken.remaining, left - 1)
    return { kind: 'taken', record, remaining, sessionEpoch, accountVersion }
  },
  async giveBack(token, limits, nowMs) {
    const place = placeOf('challenge', token)
    const challenge = pendings.read(place, nowMs)
    if (!place || !challenge || challenge.attempts === 0) return
    challenge.attempts -= 1
    accounts.giveBack(place.tag, limits)
  },
  async pass(token, session, sessionEpoch, nowMs) {
    return pendings.pass(placeOfAccount('challenge', token, session.accountId), session, sessionEpoch, nowMs)
  },
  async find(token, nowMs) {
    const challenge = pendings.read(placeOf('challenge', token), nowMs)
    return challenge && unpackChallenge(challenge.record)
  },
  async cancel(token, nowMs) {
    const place = placeOf('challenge', token)
    const challenge = pendings.read(place, nowMs)
    if (!place || !challenge) return null
    pendings.end(place)
    return unpackChallenge(challenge.record)
  },
  async endAll(accountId) {
    const tag = accountTag(accountId)
    accounts.write(tag, { challengeEpoch: accounts.read(tag).challengeEpoch + 1 })
  },
})

export const memoryEnrollments = (pendings: MemoryPending): EnrollmentStore => ({
  async open(token, { record, ttlSeconds, epochs, nowMs }) {
    const place = newPlace('enrollment', token, record.accountId)
    const opened = { methods: [], record: packEnrollment(record), epochs }
    return pendings.open(place, opened, ttlSeconds * 1000, nowMs)
  },
  async find(token, nowMs) {
    const enrollment = pendings.read(placeOf('enrollment', token), nowMs)
    return enrollment && unpackEnrollment(enrollment.record)
  },
  async pass(token, session, sessionEpoch, nowMs) {
    return pendings.pass(placeOfAccount('enrollment', token, session.accountId), session, sessionEpoch, nowMs)
  },
})
