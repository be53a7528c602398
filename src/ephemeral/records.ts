// How records are stored: compact JSON arrays, in Redis and in memory alike, so that neither store shares an object
// with its callers. Redis keeps records across releases: where one of these formats changes, its keys get a new name
// (`ephemeral.ts`). A record of another format is read as null, as if it were not stored.
import { type Static, Type } from 'typebox'
import type { Answerer, ChallengeRecord, EndUser, EnrollmentRecord } from './ephemeral.ts'
import type { GrantRecord, ListedSession, SessionRecord, UsedSession } from './sessions.ts'
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
    Type.Literal('browser'),
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

/** What a session and a grant have in common, and begin with: a script reads the first and the fifth of either. */
const TERMS = [
  Text,
  Time,
  Text,
  Time,
  Type.Union([Time, Type.Null()]),
  Type.Union([Type.Literal('aal1'), Type.Literal('aal2'), Type.Literal('phr')]),
  Amr,
] as const

type Terms = Omit<GrantRecord, 'audience' | 'claims'>

const packTerms = ({ clientId, clientRegisteredAt, scope, authTime, secondFactorAt, acr, amr }: Terms) =>
  [clientId, clientRegisteredAt, scope, authTime, secondFactorAt, acr, amr] as const

/**
 * `[clientId, clientRegisteredAt, scope, authTime, secondFactorAt, acr, amr, sid, accountId, ip, userAgent, createdAt,
 * vouched]`.
 */
const StoredSession = Type.Tuple([...TERMS, Text, Text, TextOrNull, TextOrNull, Time, Type.Boolean()])
const readSession = readerOf(StoredSession)

export const packSession = (session: SessionRecord): string => {
  const { sid, accountId, ip, userAgent, createdAt, vouched } = session
  const stored: Static<typeof StoredSession> = [
    ...packTerms(session),
    ...([sid, accountId, ip, userAgent, createdAt, vouched] as const),
  ]
  return JSON.stringify(stored)
}

/** A session as a store has it: `lastSeenMs` in epoch milliseconds, `absoluteAt` in epoch seconds. */
export type Stored = { record: string; lastSeenMs: number; absoluteAt: number; inBrowser: boolean }

export const unpackSession = ({
  record,
  lastSeenMs,
  absoluteAt,
  inBrowser,
}: Stored): ListedSession | null => {
  const stored = readSession(record)
  if (!stored) return null
  const [clientId, clientRegisteredAt, scope, authTime, secondFactorAt, acr, amr, ...rest] = stored
  const [sid, accountId, ip, userAgent, createdAt, vouched] = rest
  const terms = { clientId, clientRegisteredAt, scope, authTime, secondFactorAt, acr, amr }
  const lastSeenAt = Math.floor(lastSeenMs / 1000)
  return { sid, accountId, ip, userAgent, createdAt, vouched, ...terms, lastSeenAt, absoluteAt, inBrowser }
}

/** `[clientId, clientRegisteredAt, scope, authTime, secondFactorAt, acr, amr, audience, claims]`. */
const StoredGrant = Type.Tuple([...TERMS, Type.Union([Type.Array(Text), Type.Null()]), TextOrNull])
const readGrant = readerOf(StoredGrant)

export const packGrant = (grant: GrantRecord): string => {
  const stored: Static<typeof StoredGrant> = [...packTerms(grant), grant.audience, grant.claims]
  return JSON.stringify(stored)
}

export const unpackGrant = (packed: string): GrantRecord | null => {
  const stored = readGrant(packed)
  if (!stored) return null
  const [clientId, clientRegisteredAt, scope, authTime, secondFactorAt, acr, amr, audience, claims] = stored
  return { clientId, clientRegisteredAt, scope, authTime, secondFactorAt, acr, amr, audience, claims }
}

/** A grant as a store has it; `own` '' where it has what the session has, `jkt` '' for none. */
export type StoredUse = { id: string; own: string; jkt: string }

/** A session, seen through a grant where there is one. */
export const unpackUsed = (
  stored: Stored,
  grant: StoredUse | null,
  accountVersion: string,
): UsedSession | null => {
  const session = unpackSession(stored)
  if (!session || !grant) return session && { ...session, accountVersion, grant: null }
  const own = grant.own === '' ? { audience: null, claims: null } : unpackGrant(grant.own)
  if (!own) return null
  const { audience, claims, ...terms } = own
  const used = { id: grant.id, jkt: grant.jkt === '' ? null : grant.jkt, audience, claims }
  return { ...session, ...terms, accountVersion, grant: used }
}

/** No account has more sessions. */
export const ALL_SESSIONS = { limit: 100, after: null } as const
