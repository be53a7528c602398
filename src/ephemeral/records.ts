// How records are stored: compact JSON arrays, in Redis and in memory alike, so that neither store shares an object
// with its callers. Redis keeps records across releases: where one of these formats changes, its keys get a new name
// (`ephemeral.ts`). A record of another format is read as null, as if it were not stored.
import { type Static, Type } from 'typebox'
import type { Answerer, ChallengeRecord, EndUser, EnrollmentRecord } from './ephemeral.ts'
import type { ListedSession, SessionRecord } from './sessions.ts'
import { readerOf } from './stored-json.ts'

const Text = Type.String()
const TextOrNull = Type.Union([Text, Type.Null()])
const Time = Type.Number()
const Amr = Type.Array(Text)

/** `[ip, userAgent]`. */
const StoredEndUser = Type.Union([Type.Tuple([TextOrNull, TextOrNull]), Type.Null()])

const packEndUser = (endUser: EndUser | null): Static<typeof StoredEndUser> =>
  endUser && [endUser.ip, endUser.userAgent]

const unpackEndUser = (stored: Static<typeof StoredEndUser>): EndUser | null =>
  stored && { ip: stored[0], userAgent: stored[1] }

/** `[accountId, clientId, clientRegisteredAt, purpose, scope, amr, authTime, sid, endUser, byBackend]`. */
const StoredChallenge = Type.Tuple([
  Text,
  Text,
  Time,
  Type.Union([
    Type.Literal('login'),
    Type.Literal('vouched'),
    Type.Literal('step_up'),
    Type.Literal('renewal'),
  ]),
  Text,
  Amr,
  Time,
  TextOrNull,
  StoredEndUser,
  Type.Boolean(),
])
const readChallenge = readerOf(StoredChallenge)

export const packChallenge = (record: ChallengeRecord): string => {
  const { accountId, clientId, clientRegisteredAt, purpose, scope, amr, authTime, sid } = record
  const about = [accountId, clientId, clientRegisteredAt, purpose, scope, amr, authTime, sid] as const
  const stored: Static<typeof StoredChallenge> = [...about, packEndUser(record.endUser), record.byBackend]
  return JSON.stringify(stored)
}

export const unpackChallenge = (packed: string): ChallengeRecord | null => {
  const stored = readChallenge(packed)
  if (!stored) return null
  const [accountId, clientId, clientRegisteredAt, purpose, scope, ...rest] = stored
  const [amr, authTime, sid, endUser, byBackend] = rest
  const about = { accountId, clientId, clientRegisteredAt, purpose, scope }
  return { ...about, amr, authTime, sid, endUser: unpackEndUser(endUser), byBackend }
}

/** Whether a challenge is `answerer`'s to answer; `take-attempt.lua` has the same rule. */
export const isAnsweredBy = (record: ChallengeRecord, answerer: Answerer): boolean =>
  answerer === null
    ? !record.byBackend
    : record.clientId === answerer.clientId && record.clientRegisteredAt === answerer.clientRegisteredAt

/** `[accountId, clientId, clientRegisteredAt, scope, amr, authTime, endUser]`. */
const StoredEnrollment = Type.Tuple([Text, Text, Time, Text, Amr, Time, StoredEndUser])
const readEnrollment = readerOf(StoredEnrollment)

export const packEnrollment = (record: EnrollmentRecord): string => {
  const { accountId, clientId, clientRegisteredAt, scope, amr, authTime, endUser } = record
  const about = [accountId, clientId, clientRegisteredAt, scope] as const
  const stored: Static<typeof StoredEnrollment> = [...about, amr, authTime, packEndUser(endUser)]
  return JSON.stringify(stored)
}

export const unpackEnrollment = (packed: string): EnrollmentRecord | null => {
  const stored = readEnrollment(packed)
  if (!stored) return null
  const [accountId, clientId, clientRegisteredAt, scope, amr, authTime, endUser] = stored
  return { accountId, clientId, clientRegisteredAt, scope, amr, authTime, endUser: unpackEndUser(endUser) }
}

/**
 * `[sid, accountId, clientId, clientRegisteredAt, scope, authTime, secondFactorAt, acr, amr, ip, userAgent, createdAt,
 * vouched]`.
 */
const StoredSession = Type.Tuple([
  Text,
  Text,
  Text,
  Time,
  Text,
  Time,
  Type.Union([Time, Type.Null()]),
  Type.Union([Type.Literal('aal1'), Type.Literal('aal2'), Type.Literal('phr')]),
  Amr,
  TextOrNull,
  TextOrNull,
  Time,
  Type.Boolean(),
])
const readSession = readerOf(StoredSession)

export const packSession = (session: SessionRecord): string => {
  const { sid, accountId, clientId, clientRegisteredAt, scope, authTime, secondFactorAt } = session
  const { acr, amr, ip, userAgent, createdAt, vouched } = session
  const about = [sid, accountId, clientId, clientRegisteredAt, scope, authTime, secondFactorAt] as const
  const stored: Static<typeof StoredSession> = [...about, acr, amr, ip, userAgent, createdAt, vouched]
  return JSON.stringify(stored)
}

/** `lastSeenMs` in epoch milliseconds, `absoluteAt` in epoch seconds. */
export const unpackSession = (
  packed: string,
  lastSeenMs: number,
  absoluteAt: number,
): ListedSession | null => {
  const stored = readSession(packed)
  if (!stored) return null
  const [sid, accountId, clientId, clientRegisteredAt, scope, authTime, secondFactorAt, ...rest] = stored
  const [acr, amr, ip, userAgent, createdAt, vouched] = rest
  const about = { sid, accountId, clientId, clientRegisteredAt, scope, authTime, secondFactorAt }
  const lastSeenAt = Math.floor(lastSeenMs / 1000)
  return { ...about, acr, amr, ip, userAgent, createdAt, vouched, lastSeenAt, absoluteAt }
}

/** No account has more sessions. */
export const ALL_SESSIONS = { limit: 100, after: null } as const
