// How records are stored: compact JSON arrays, in Redis and in memory alike, so that neither store shares an object
// with its callers.
import type { ChallengeRecord, EndUser, EnrollmentRecord, ListedSession, SessionRecord } from './ephemeral.ts'

type StoredEndUser = [ip: string | null, userAgent: string | null]

const packEndUser = (endUser: EndUser | null): StoredEndUser | null =>
  endUser && [endUser.ip, endUser.userAgent]

const unpackEndUser = (stored: StoredEndUser | null): EndUser | null =>
  stored && { ip: stored[0], userAgent: stored[1] }

type StoredChallenge = [
  accountId: string,
  clientId: string,
  clientRegisteredAt: number,
  purpose: ChallengeRecord['purpose'],
  scope: string,
  amr: string[],
  authTime: number,
  sid: string | null,
  endUser: StoredEndUser | null,
]

export const packChallenge = (record: ChallengeRecord): string => {
  const { accountId, clientId, clientRegisteredAt, purpose, scope, amr, authTime, sid, endUser } = record
  const about = [accountId, clientId, clientRegisteredAt, purpose, scope] as const
  const stored: StoredChallenge = [...about, amr, authTime, sid, packEndUser(endUser)]
  return JSON.stringify(stored)
}

export const unpackChallenge = (packed: string): ChallengeRecord => {
  const stored: StoredChallenge = JSON.parse(packed)
  const [accountId, clientId, clientRegisteredAt, purpose, scope, ...rest] = stored
  const [amr, authTime, sid, endUser] = rest
  return {
    accountId,
    clientId,
    clientRegisteredAt,
    purpose,
    scope,
    amr,
    authTime,
    sid,
    endUser: unpackEndUser(endUser),
  }
}

type StoredEnrollment = [
  accountId: string,
  clientId: string,
  clientRegisteredAt: number,
  scope: string,
  amr: string[],
  authTime: number,
  endUser: StoredEndUser | null,
]

export const packEnrollment = (record: EnrollmentRecord): string => {
  const { accountId, clientId, clientRegisteredAt, scope, amr, authTime, endUser } = record
  const about = [accountId, clientId, clientRegisteredAt, scope] as const
  const stored: StoredEnrollment = [...about, amr, authTime, packEndUser(endUser)]
  return JSON.stringify(stored)
}

export const unpackEnrollment = (packed: string): EnrollmentRecord => {
  const stored: StoredEnrollment = JSON.parse(packed)
  const [accountId, clientId, clientRegisteredAt, scope, amr, authTime, endUser] = stored
  return { accountId, clientId, clientRegisteredAt, scope, amr, authTime, endUser: unpackEndUser(endUser) }
}

type StoredSession = [
  sid: string,
  accountId: string,
  clientId: string,
  clientRegisteredAt: number,
  scope: string,
  authTime: number,
  secondFactorAt: number | null,
  acr: SessionRecord['acr'],
  amr: string[],
  ip: string | null,
  userAgent: string | null,
  createdAt: number,
]

export const packSession = (session: SessionRecord): string => {
  const { sid, accountId, clientId, clientRegisteredAt, scope, authTime, secondFactorAt } = session
  const { acr, amr, ip, userAgent, createdAt } = session
  const about = [sid, accountId, clientId, clientRegisteredAt, scope, authTime, secondFactorAt] as const
  const stored: StoredSession = [...about, acr, amr, ip, userAgent, createdAt]
  return JSON.stringify(stored)
}

/** `lastSeenMs` in epoch milliseconds, `absoluteAt` in epoch seconds. */
export const unpackSession = (packed: string, lastSeenMs: number, absoluteAt: number): ListedSession => {
  const stored: StoredSession = JSON.parse(packed)
  const [sid, accountId, clientId, clientRegisteredAt, scope, authTime, secondFactorAt, ...rest] = stored
  const [acr, amr, ip, userAgent, createdAt] = rest
  const about = { sid, accountId, clientId, clientRegisteredAt, scope, authTime, secondFactorAt }
  const lastSeenAt = Math.floor(lastSeenMs / 1000)
  return { ...about, acr, amr, ip, userAgent, createdAt, lastSeenAt, absoluteAt }
}

/** No account has more sessions. */
export const ALL_SESSIONS = { limit: 100, after: null } as const
