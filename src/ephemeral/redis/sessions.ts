import { accountTag } from '../../encryption/opaque-token.ts'
import { ALL_SESSIONS, packSession, unpackSession } from '../records.ts'
import type { ListedSession, NewSession, RefreshRotated, SessionStore, UsedSession } from '../sessions.ts'
import { networkHash } from '../stored-names.ts'
import type { RedisKeys, RunScript } from './scripts.ts'

/** A session as the scripts answer it: `session_reply` in `fragment-session.lua`. */
type SessionReply = [record: string, lastSeenMs: number, absoluteAt: number]

type UsedReply = [...SessionReply, accountVersion: string]

type RotateReply =
  | ['rotated', ...UsedReply, isToBeRecorded: 0 | 1]
  | ['stale', ...UsedReply]
  | ['reused', ...SessionReply]
  | ['locked', ...SessionReply, untilMs: number]
  | ['unknown']

const listed = (reply: SessionReply): ListedSession | null => unpackSession(...reply)

const used = ([record, lastSeenMs, absoluteAt, accountVersion]: UsedReply): UsedSession | null => {
  const session = listed([record, lastSeenMs, absoluteAt])
  return session && { ...session, accountVersion }
}

/** What the scripts that open a session take; see `open-session.lua`. */
export const sessionArguments = (
  keys: RedisKeys,
  session: NewSession,
  sessionEpoch: number,
  nowMs: number,
) => {
  const tag = accountTag(session.accountId)
  const { sid, idleSeconds, absoluteAt, createdAt, maxSessions, replacesSid } = session
  const hashes = [session.refreshFamilyHash, session.refreshHash]
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
      ...hashes,
      ...limits,
    ],
  }
}

const rotated = (reply: RotateReply): RefreshRotated => {
  switch (reply[0]) {
    case 'unknown':
      return { kind: reply[0] }
    case 'locked': {
      const [kind, record, lastSeenMs, absoluteAt, untilMs] = reply
      const session = listed([record, lastSeenMs, absoluteAt])
      return session ? { kind, accountId: session.accountId, untilMs } : { kind: 'unknown' }
    }
    case 'rotated': {
      const [kind, record, lastSeenMs, absoluteAt, accountVersion, isToBeRecorded] = reply
      const session = used([record, lastSeenMs, absoluteAt, accountVersion])
      return session ? { kind, session, isToBeRecorded: isToBeRecorded === 1 } : { kind: 'unknown' }
    }
    case 'stale': {
      const [kind, ...answered] = reply
      const session = used(answered)
      return session ? { kind, session } : { kind: 'unknown' }
    }
    case 'reused': {
      const [kind, ...answered] = reply
      const session = listed(answered)
      return session ? { kind, session } : { kind: 'unknown' }
    }
  }
}

const TAG = /^[\w-]{12}$/

export const redisSessions = (run: RunScript, keys: RedisKeys, newVersion: () => string): SessionStore => {
  const ofAccount = (tag: string) => [keys.account(tag), keys.sessionSet(tag)]
  return {
    async open(session, { sessionEpoch, challengeEpoch }, nowMs) {
      const { key, args } = sessionArguments(keys, session, sessionEpoch, nowMs)
      const at = [key.account, key.sessionSet]
      return (await run<number>('openSession', at, [...args, challengeEpoch ?? ''])) === 1
    },
    async touch(accountId, sid, nowMs) {
      const tag = accountTag(accountId)
      const at = [keys.session(tag, sid), ...ofAccount(tag)]
      const reply = await run<UsedReply | null>('touchSession', at, [nowMs, sid, newVersion()])
      return reply && used(reply)
    },
    async rotateRefresh({ accountTag: tag, sid }, { familyHash, refreshHash }, next, nowMs) {
      // The tag becomes part of key names, and comes from a token that is not verified yet.
      if (!TAG.test(tag)) return { kind: 'unknown' }
      const at = [keys.session(tag, sid), ...ofAccount(tag)]
      const args = [nowMs, sid, familyHash, refreshHash, next.refreshHash, next.secondFactorSince]
      const more = [next.ip ?? '', newVersion()]
      return rotated(await run<RotateReply>('rotateRefresh', at, [...args, ...more]))
    },
    async restoreRefresh({ accountTag: tag, sid }, currentHash, previousHash) {
      await run('restoreRefresh', [keys.session(tag, sid)], [currentHash, previousHash])
    },
    async list(accountId, nowMs, { limit, after } = ALL_SESSIONS) {
      const tag = accountTag(accountId)
      const args = [nowMs, keys.sessionPrefix(tag), limit, after?.createdAt ?? '', after?.sid ?? '']
      const replies = await run<SessionReply[]>('listSessions', ofAccount(tag), args)
      return replies.flatMap((reply) => listed(reply) ?? [])
    },
    async end(accountId, sid, nowMs) {
      const tag = accountTag(accountId)
      const at = [keys.session(tag, sid), ...ofAccount(tag)]
      return (await run<number>('endSession', at, [nowMs, sid])) === 1
    },
    endAll(accountId, exceptSid, nowMs) {
      const tag = accountTag(accountId)
      return run<number>('endAllSessions', ofAccount(tag), [nowMs, keys.sessionPrefix(tag), exceptSid ?? ''])
    },
  }
}
