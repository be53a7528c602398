// The floor's Redis: one small script for each thing that has to happen at once. All keys of an account share a hash tag, as a
// cluster needs it; an expiry removes what has ended, so no script compares times for that.
import type { Redis } from 'ioredis'
import { openOneWriteRedis } from '../one-write.ts'

export const floorKeys = {
  challenge: (tag: string, tokenHash: string) => `floor:ch:{${tag}}:${tokenHash}`,
  failures: (tag: string) => `floor:fa:{${tag}}`,
  session: (tag: string, sid: string) => `floor:se:{${tag}}:${sid}`,
  sessionPrefix: (tag: string) => `floor:se:{${tag}}:`,
  sessions: (tag: string) => `floor:sx:{${tag}}`,
  code: (tag: string, tokenHash: string) => `floor:co:{${tag}}:${tokenHash}`,
}

/**
 * Of a session's hash. d: record, s: last seen (ms), f and r: hashes of the refresh token's family and rotating part,
 * v: version of the account, which every change of it raises, n: when its renewal was last recorded (ms), k: hash of the
 * secret in the browser's cookie, f:<hash of a family>: hash of the refresh token of that grant.
 * Of a code's: d: record, s: sid, b: hash of what it is bound to, r: what was asked for, g: the grant, once it is used.
 */
const SCRIPTS = {
  // Counts an attempt on the challenge and on the account before anything is checked, and hands out the challenge.
  // KEYS: challenge, failures. ARGV: attempts allowed, seconds of a lock. Result: record, or nil.
  floorTakeAttempt: {
    numberOfKeys: 2,
    lua: `
      local record = redis.call('HGET', KEYS[1], 'd')
      if not record or redis.call('HINCRBY', KEYS[1], 'n', 1) > tonumber(ARGV[1]) then return nil end
      if redis.call('INCR', KEYS[2]) > tonumber(ARGV[1]) then return nil end
      redis.call('EXPIRE', KEYS[2], ARGV[2])
      return record`,
  },
  // Ends the challenge, forgets the failures and opens the session; exactly one caller wins.
  // KEYS: challenge, failures, session, sessions. ARGV: now (ms), idle seconds, sid, record, family hash, refresh hash.
  floorPass: {
    numberOfKeys: 4,
    lua: `
      if redis.call('DEL', KEYS[1]) == 0 then return 0 end
      redis.call('DEL', KEYS[2])
      redis.call('HSET', KEYS[3], 'd', ARGV[4], 's', ARGV[1], 'f', ARGV[5], 'r', ARGV[6],
                 'v', 0, 'n', ARGV[1])
      redis.call('EXPIRE', KEYS[3], ARGV[2])
      redis.call('ZADD', KEYS[4], ARGV[1], ARGV[3])
      redis.call('EXPIRE', KEYS[4], ARGV[2])
      return 1`,
  },
  // Reads a session and begins its idle time anew, at most once a second.
  // KEYS: session. ARGV: now (ms), idle seconds. Result: { record, version of the account }, or { nil }.
  floorTouch: {
    numberOfKeys: 1,
    lua: `
      local session = redis.call('HMGET', KEYS[1], 'd', 'v', 's')
      if session[1] and ARGV[1] - session[3] >= 1000 then
        redis.call('HSET', KEYS[1], 's', ARGV[1])
        redis.call('EXPIRE', KEYS[1], ARGV[2])
      end
      return { session[1], session[2] }`,
  },
  // Replaces the refresh token's hash; a token of the family that was used before ends the session.
  // Of the renewals of an hour, the first is to be recorded.
  // KEYS: session. ARGV: now (ms), idle seconds, family hash, presented hash, next hash.
  // Result: { record, 1 if it is to be recorded }, or nil.
  floorRotate: {
    numberOfKeys: 1,
    lua: `
      local session = redis.call('HMGET', KEYS[1], 'd', 'f', 'r', 'n')
      if not session[1] or session[2] ~= ARGV[3] then return nil end
      if session[3] ~= ARGV[4] then
        redis.call('DEL', KEYS[1])
        return nil
      end
      local due = ARGV[1] - session[4] >= 3600000
      redis.call('HSET', KEYS[1], 'r', ARGV[5], 's', ARGV[1], 'n', due and ARGV[1] or session[4])
      redis.call('EXPIRE', KEYS[1], ARGV[2])
      return { session[1], due and 1 or 0 }`,
  },
  // Begins the idle time of a browser's session anew, as floorTouch, and opens a code in it.
  // KEYS: session, code. ARGV: now (ms), idle seconds, hash of the cookie's secret, sid, binding, what was asked for, seconds
  // of a code. Result: { record, version of the account }, or { nil }.
  floorAuthorize: {
    numberOfKeys: 2,
    lua: `
      local session = redis.call('HMGET', KEYS[1], 'd', 'v', 's', 'k')
      if not session[1] or session[4] ~= ARGV[3] then return { false } end
      if ARGV[1] - session[3] >= 1000 then
        redis.call('HSET', KEYS[1], 's', ARGV[1])
        redis.call('EXPIRE', KEYS[1], ARGV[2])
      end
      redis.call('HSET', KEYS[2], 'd', session[1], 's', ARGV[4], 'b', ARGV[5], 'r', ARGV[6])
      redis.call('EXPIRE', KEYS[2], ARGV[7])
      return { session[1], session[2] }`,
  },
  // Uses a code up, and opens its grant in its session, which has to be there. A second use ends that grant.
  // KEYS: code. ARGV: now (ms), idle seconds, key prefix of the account's sessions, binding, family hash, refresh hash,
  // seconds for which a used code is remembered. Result: { record, sid, what was asked for }, or nil.
  floorRedeem: {
    numberOfKeys: 1,
    lua: `
      local code = redis.call('HMGET', KEYS[1], 'd', 's', 'b', 'r', 'g')
      if not code[1] then return nil end
      local session = ARGV[3] .. code[2]
      if code[5] then
        redis.call('HDEL', session, 'f:' .. code[5])
        return nil
      end
      if code[3] ~= ARGV[4] or redis.call('EXISTS', session) == 0 then return nil end
      redis.call('HSET', session, 'f:' .. ARGV[5], ARGV[6], 's', ARGV[1])
      redis.call('EXPIRE', session, ARGV[2])
      redis.call('HSET', KEYS[1], 'g', ARGV[5])
      redis.call('EXPIRE', KEYS[1], ARGV[7])
      return { code[1], code[2], code[4] }`,
  },
  // Opens a challenge where the account has attempts left.
  // KEYS: challenge, failures. ARGV: attempts allowed, seconds, record. Result: 1 or 0.
  floorOpenChallenge: {
    numberOfKeys: 2,
    lua: `
      if tonumber(redis.call('GET', KEYS[2]) or 0) >= tonumber(ARGV[1]) then return 0 end
      redis.call('HSET', KEYS[1], 'd', ARGV[3])
      redis.call('EXPIRE', KEYS[1], ARGV[2])
      return 1`,
  },
} as const

/** Keys first, then arguments, as each script's comment has them. */
type Run<Result> = (...keysAndArguments: (string | number)[]) => Promise<Result>
export type FloorRedis = Redis & {
  floorTakeAttempt: Run<string | null>
  floorPass: Run<number>
  floorTouch: Run<[record: string | null, version: string | null]>
  floorRotate: Run<[record: string, due: number] | null>
  floorAuthorize: Run<[record: string | null, version: string | null]>
  floorRedeem: Run<[record: string, sid: string, asked: string] | null>
  floorOpenChallenge: Run<number>
}

const hasScripts = (redis: Redis): redis is FloorRedis =>
  Object.keys(SCRIPTS).every((name) => Reflect.has(redis, name))

export const openFloorRedis = (url: string): FloorRedis => {
  const redis = openOneWriteRedis(url, SCRIPTS)
  if (!hasScripts(redis)) throw new Error('ioredis has not defined the scripts')
  return redis
}
