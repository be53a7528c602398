import { accountTag } from '../../encryption/opaque-token.ts'
import type { AttemptTaken, ChallengeStore, EnrollmentStore, Epochs } from '../ephemeral.ts'
import { packChallenge, packEnrollment, unpackChallenge, unpackEnrollment } from '../records.ts'
import type { NewSession, SessionClients } from '../sessions.ts'
import { newPlace, placeOf, placeOfAccount, type TokenPlace } from '../stored-names.ts'
import type { RedisKeys, RunScript } from './scripts.ts'
import { type ClientsReply, endedOf, sessionArguments } from './sessions.ts'

type TakeAttemptReply =
  | ['taken', record: string, remaining: number, sessionEpoch: number, accountVersion: string]
  | ['unknown']
  | ['foreign', record: string]
  | ['method_not_offered', methods: string]
  | ['locked', record: string, untilMs: number]

const attemptTaken = (reply: TakeAttemptReply): AttemptTaken => {
  switch (reply[0]) {
    case 'taken': {
      const [kind, packed, remaining, sessionEpoch, accountVersion] = reply
      const record = unpackChallenge(packed)
      return record ? { kind, record, remaining, sessionEpoch, accountVersion } : { kind: 'unknown' }
    }
    case 'foreign': {
      const record = unpackChallenge(reply[1])
      return record ? { kind: reply[0], record } : { kind: 'unknown' }
    }
    case 'method_not_offered':
      return { kind: reply[0], methods: reply[1].split(',').filter((method) => method !== '') }
    case 'locked': {
      const [kind, packed, untilMs] = reply
      const record = unpackChallenge(packed)
      if (!record) return { kind: 'unknown' }
      return { kind, accountId: record.accountId, clientId: record.clientId, untilMs }
    }
    case 'unknown':
      return { kind: reply[0] }
  }
}

/** Challenges and enrollments are opened in the same way. */
const openPending = async (
  run: RunScript,
  at: string[],
  args: (string | number)[],
  { sessionEpoch, challengeEpoch }: Required<Epochs>,
): Promise<boolean> => (await run<number>('openPending', at, [...args, sessionEpoch, challengeEpoch])) === 1

/** They are passed in the same way, too. */
const pass = async (
  deps: { run: RunScript; keys: RedisKeys },
  pendingKey: string,
  session: NewSession,
  [sessionEpoch, nowMs]: [sessionEpoch: number, nowMs: number],
): Promise<SessionClients[] | null> => {
  const { key, args } = sessionArguments(deps.keys, session, sessionEpoch, nowMs)
  const at = [pendingKey, key.account, key.sessionSet]
  return endedOf(await deps.run<ClientsReply[] | null>('pass', at, args))
}

export const redisChallenges = (
  run: RunScript,
  keys: RedisKeys,
  newVersion: () => string,
): ChallengeStore => {
  const keysAt = (place: TokenPlace) => [keys.challenge(place), keys.account(place.tag)]
  return {
    async open(token, { record, methods, ttlSeconds, epochs, nowMs }) {
      const at = keysAt(newPlace('challenge', token, record.accountId))
      const opened = [methods.join(','), packChallenge(record)]
      return openPending(run, at, [nowMs, ttlSeconds * 1000, ...opened], epochs)
    },
    async takeAttempt(token, { method, answerer }, limits, nowMs) {
      const place = placeOf('challenge', token)
      if (!place) return { kind: 'unknown' }
      const allowed = [limits.maxFailedAttempts, limits.lockoutSeconds * 1000]
      const by = [answerer?.clientId ?? '', answerer?.clientRegisteredAt ?? 0]
      const args = [nowMs, method, ...allowed, ...by, newVersion()]
      return attemptTaken(await run<TakeAttemptReply>('takeAttempt', keysAt(place), args))
    },
    async giveBack(token, limits, nowMs) {
      const place = placeOf('challenge', token)
      if (place) await run('giveBackAttempt', keysAt(place), [nowMs, limits.maxFailedAttempts])
    },
    async pass(token, session, sessionEpoch, nowMs) {
      const place = placeOfAccount('challenge', token, session.accountId)
      return place && pass({ run, keys }, keys.challenge(place), session, [sessionEpoch, nowMs])
    },
    async find(token, nowMs) {
      const place = placeOf('challenge', token)
      const record = place && (await run<string | null>('findPending', keysAt(place), [nowMs]))
      return record === null ? null : unpackChallenge(record)
    },
    async cancel(token, nowMs) {
      const place = placeOf('challenge', token)
      const record = place && (await run<string | null>('cancelPending', keysAt(place), [nowMs]))
      return record === null ? null : unpackChallenge(record)
    },
    async endAll(accountId) {
      await run('raiseChallengeEpoch', [keys.account(accountTag(accountId))], [])
    },
  }
}

export const redisEnrollments = (run: RunScript, keys: RedisKeys): EnrollmentStore => ({
  async open(token, { record, ttlSeconds, epochs, nowMs }) {
    const place = newPlace('enrollment', token, record.accountId)
    const at = [keys.enrollment(place), keys.account(place.tag)]
    return openPending(run, at, [nowMs, ttlSeconds * 1000, '', packEnrollment(record)], epochs)
  },
  async find(token, nowMs) {
    const place = placeOf('enrollment', token)
    if (!place) return null
    const at = [keys.enrollment(place), keys.account(place.tag)]
    const record = await run<string | null>('findPending', at, [nowMs])
    return record === null ? null : unpackEnrollment(record)
  },
  async pass(token, session, sessionEpoch, nowMs) {
    const place = placeOfAccount('enrollment', token, session.accountId)
    return place && pass({ run, keys }, keys.enrollment(place), session, [sessionEpoch, nowMs])
  },
})
