import { accountTag } from '../../encryption/opaque-token.ts'
import { ALL_SESSIONS, packSession, type Stored, unpackGrant, unpackSession, unpackUsed } from '../records.ts'
import type {
  EndedGrant,
  GrantPlace,
  NewSession,
  RefreshRotated,
  SessionClients,
  SessionStore,
  UsedSession,
} from '../sessions.ts'
import { grantIdOf, networkHash } from '../stored-names.ts'
import type { RedisKeys, RunScript } from './scripts.ts'

/** A session as the scripts answer it: `session_reply` in `fragment-session.lua`. */
type SessionReply = [record: string, lastSeenMs: number, absoluteAt: number, inBrowser: 0 | 1]

/** The same through a grant: `used_reply` in `fragment-grant.lua`. */
type SeenReply = [...SessionReply, own: string, jkt: string]

export type UsedReply = [...SeenReply, accountVersion: string]

export type ClientsReply = [sid: string, clientIds: string[]]

type RotateReply =
  | ['rotated', ...UsedReply, isToBeRecorded: 0 | 1, graced: 0 | 1]
  | ['stale', ...UsedReply]
  | ['reused', ...SeenReply, endedSession?: ClientsReply]
  | ['wrong_key', ...SeenReply]
  | ['locked', ...SeenReply, untilMs: number]
  | ['unknown']

const stored = ([record, lastSeenMs, absoluteAt, inBrowser]: SessionReply): Stored => ({
  record,
  lastSeenMs,
  absoluteAt,
  inBrowser: inBrowser === 1,
})

export const usedOf = (grantId: string | null, reply: UsedReply): UsedSession | null => {
  const [record, lastSeenMs, absoluteAt, inBrowser, own, jkt, accountVersion] = reply
  const grant = grantId === null ? null : { id: grantId, own, jkt }
  return unpackUsed(stored([record, lastSeenMs, absoluteAt, inBrowser]), grant, accountVersion)
}

const clientsOf = ([sid, clientIds]: ClientsReply): SessionClients => ({ sid, clientIds })

/** What the scripts that open a session answer. */
export const endedOf = (reply: ClientsReply[] | null): SessionClients[] | null =>
  reply?.map(clientsOf) ?? null

/** What the scripts that open a session take; see `open-session.lua`. */
export const sessionArguments = (
  keys: RedisKeys,
  session: NewSession,
  sessionEpoch: number,
  nowMs: number,
) => {
  const tag = accountTag(session.accountId)
  const { sid, idleSeconds, absoluteAt, createdAt, maxSessions, replacesSid, grant } = session
  const grantId = grant ? grantIdOf(grant.familyHash) : ''
  const opening = [session.browserKeyHash ?? '', grantId, grant?.refreshHash ?? '', session.clientId]
  const limits = [maxSessions, replacesSid ?? '', networkHash(session.accountId, session.network)]
  const times = [idleSeconds, absoluteAt, createdAt]
  return {
    key: { account: keys.account(tag), sessionSet: keys.sessionSet(tag) },
    args: [
      nowMs,
      sessionEpoch,
      keys.sessionPrefix(tag),
      sid,
      packSession(session),
      ...times,
      ...opening,
      ...limits,
    ],
  }
}

const rotated = (grantId: string, reply: RotateReply): RefreshRotated => {
  const [kind] = reply
  if (kind === 'unknown') return { kind }
  const [, record, lastSeenMs, absoluteAt, inBrowser, own, jkt, more, isToBeRecorded, graced] = reply
  const version = typeof more === 'string' ? more : ''
  const session = usedOf(grantId, [record, lastSeenMs, absoluteAt, inBrowser, own, jkt, version])
  if (!session) return { kind: 'unknown' }
  if (kind === 'locked') return { kind, accountId: session.accountId, untilMs: Number(more) }
  if (kind === 'stale') return { kind, session }
  if (kind === 'rotated') return { kind, session, isToBeRecorded: isToBeRecorded === 1, graced: graced === 1 }
  const { accountVersion, grant, ...listed } = session
  if (kind === 'wrong_key') return { kind, session: listed }
  return { kind, session: listed, endedSession: Array.isArray(more) ? clientsOf(more) : null }
}

type EndGrantReply = [record: string, own: string, endedSession?: ClientsReply]

const endedGrant = ([record, own, ended]: EndGrantReply): EndedGrant | null => {
  const session = { record, lastSeenMs: 0, absoluteAt: 0, inBrowser: false }
  const terms = own === '' ? unpackSession(session) : unpackGrant(own)
  if (!terms) return null
  const { clientId, clientRegisteredAt } = terms
  return { clientId, clientRegisteredAt, endedSession: ended ? clientsOf(ended) : null }
}

// Becomes part of key names, and may come from a token that is not verified yet.
const TAG = /^[\w-]{12}$/

export const redisSessions = (run: RunScript, keys: RedisKeys, newVersion: () => string): SessionStore => {
  const ofAccount = (tag: string) => [keys.account(tag), keys.sessionSet(tag)]
  const at = (tag: string, sid: string) => [keys.session(tag, sid), ...ofAccount(tag)]
  const touch = async (
    { accountTag: tag, sid, grantId }: GrantPlace,
    { browserKeyHash = '', refreshHash = '' }: { browserKeyHash?: string; refreshHash?: string },
    nowMs: number,
  ): Promise<UsedSession | null> => {
    if (!TAG.test(tag) || grantId === '') return null
    const args = [nowMs, sid, newVersion(), grantId ?? '', browserKeyHash, refreshHash]
    const reply = await run<UsedReply | null>('touchSession', at(tag, sid), args)
    return reply && usedOf(grantId, reply)
  }
  return {
    async open(session, { sessionEpoch, challengeEpoch }, nowMs) {
      const { key, args } = sessionArguments(keys, session, sessionEpoch, nowMs)
      const opened = [...args, challengeEpoch ?? '']
      return endedOf(await run<ClientsReply[] | null>('openSession', [key.account, key.sessionSet], opened))
    },
    touch: (place, nowMs) => touch(place, {}, nowMs),
    findByRefresh: (place, { familyHash, refreshHash }, nowMs) =>
      touch({ ...place, grantId: grantIdOf(familyHash) }, { refreshHash }, nowMs),
    findByBrowser: async (place, browserKeyHash, nowMs) =>
      browserKeyHash === '' ? null : touch({ ...place, grantId: null }, { browserKeyHash }, nowMs),
    async rotateRefresh({ accountTag: tag, sid }, { familyHash, refreshHash, jkt }, next, nowMs) {
      if (!TAG.test(tag)) return { kind: 'unknown' }
      const grantId = grantIdOf(familyHash)
      const args = [nowMs, sid, grantId, refreshHash, next.refreshHash, next.secondFactorSince]
      // Ends a field where it is stored.
      const ip = next.ip?.replaceAll('|', '') ?? ''
      const more = [ip, newVersion(), next.graceMs, jkt ?? '']
      return rotated(grantId, await run<RotateReply>('rotateRefresh', at(tag, sid), [...args, ...more]))
    },
    async restoreRefresh({ accountTag: tag, sid }, { familyHash, refreshHash }, nextHash) {
      await run('restoreRefresh', [keys.session(tag, sid)], [grantIdOf(familyHash), nextHash, refreshHash])
    },
    async list(accountId, nowMs, { limit, after } = ALL_SESSIONS) {
      const tag = accountTag(accountId)
      const args = [nowMs, keys.sessionPrefix(tag), limit, after?.createdAt ?? '', after?.sid ?? '']
      const replies = await run<SessionReply[]>('listSessions', ofAccount(tag), args)
      return replies.flatMap((reply) => unpackSession(stored(reply)) ?? [])
    },
    async participants(accountId, sid, nowMs) {
      const tag = accountTag(accountId)
      const args = [nowMs, keys.sessionPrefix(tag), sid ?? '']
      return (await run<ClientsReply[]>('listParticipants', ofAccount(tag), args)).map(clientsOf)
    },
    async end(accountId, sid, nowMs) {
      const reply = await run<ClientsReply | null>('endSession', at(accountTag(accountId), sid), [nowMs, sid])
      return reply && clientsOf(reply)
    },
    async endAll(accountId, exceptSid, nowMs) {
      const tag = accountTag(accountId)
      const args = [nowMs, keys.sessionPrefix(tag), exceptSid ?? '']
      return (await run<ClientsReply[]>('endAllSessions', ofAccount(tag), args)).map(clientsOf)
    },
    async endGrant({ accountTag: tag, sid, grantId }, nowMs) {
      if (!TAG.test(tag) || grantId === '') return null
      const reply = await run<EndGrantReply | null>('endGrant', at(tag, sid), [nowMs, sid, grantId])
      return reply && endedGrant(reply)
    },
    endGrantsOf(accountId, clientId, nowMs) {
      const tag = accountTag(accountId)
      return run<string[]>('endGrantsOfClient', ofAccount(tag), [nowMs, keys.sessionPrefix(tag), clientId])
    },
  }
}
