// Redis has what other releases wrote: records of another format are never read as those of this one.
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { accountTag } from '../../../src/encryption/opaque-token.ts'
import { openRedisEphemeral } from '../../../src/ephemeral/redis/redis.ts'
import { grantIdOf, placeOf } from '../../../src/ephemeral/stored-names.ts'
import { missingServer, newKeyPrefix, sharedRedis } from '../../support/servers.ts'
import {
  grantPlace,
  LIMITS,
  NOW,
  NOW_MS,
  newAccountId,
  openChallenge,
  openEnrollment,
  openSession,
  placeOfSession,
  presented,
  quiet,
  shown,
  TOTP,
} from '../fixtures.ts'

const skip = missingServer('redis')

const open = async (t: Test) => {
  const { url } = await sharedRedis()
  const prefix = newKeyPrefix()
  const ephemeral = await openRedisEphemeral({ url, keyPrefix: prefix, log: quiet })
  const redis = new Redis(url)
  t.teardown(() => Promise.all([ephemeral.close(), redis.quit()]))
  return { ephemeral, redis, prefix, accountId: newAccountId() }
}

// As the release before wrote them: no record had `clientRegisteredAt`, and the set was scored in seconds.
const passwordOnly = (accountId: string, sid: string): string =>
  JSON.stringify([sid, accountId, 'shop', 'openid', NOW, null, 'aal1', ['pwd'], null, null, NOW])
const pending = (accountId: string): string =>
  JSON.stringify([accountId, 'shop', 'login', 'openid', ['pwd'], NOW, null, null, null])

const sessionHash = (record: string) => ({
  ...{ d: record, i: 3600, a: NOW + 86_400, c: NOW, s: NOW_MS, e: 0 },
  [`g:${grantIdOf(presented('first').familyHash)}`]: `${presented('first').refreshHash}|||||${NOW_MS}||`,
})

t.test(
  'what the release before wrote is neither read nor touched, and it reads nothing of this one',
  { skip },
  async (t) => {
    const { ephemeral, redis, prefix, accountId } = await open(t)
    const tag = accountTag(accountId)
    const sid = newAccountId()
    const challenge = await openChallenge(ephemeral, accountId)
    const enrollment = await openEnrollment(ephemeral, accountId)
    const hashOf = (kind: 'challenge' | 'enrollment', token: string) => placeOf(kind, token)?.hash
    await redis.del(...(await redis.keys(`${prefix}*`)))
    const before = {
      session: `${prefix}se:{${tag}}:${sid}`,
      set: `${prefix}sx:{${tag}}`,
      challenge: `${prefix}ch:{${tag}}:${hashOf('challenge', challenge)}`,
      enrollment: `${prefix}en:{${tag}}:${hashOf('enrollment', enrollment)}`,
    }
    await redis.hset(before.session, sessionHash(passwordOnly(accountId, sid)))
    await redis.zadd(before.set, NOW + 86_400, sid)
    const stored = `0|${NOW_MS + 60_000}|0|0|totp:6|${pending(accountId)}`
    await redis.mset(before.challenge, stored, before.enrollment, stored)

    t.equal(await ephemeral.sessions.touch(grantPlace(accountId, sid), NOW_MS), null)
    t.same(await ephemeral.sessions.list(accountId, NOW_MS), [])
    t.equal(await ephemeral.challenges.find(challenge, NOW_MS), null)
    t.same(await ephemeral.challenges.takeAttempt(challenge, TOTP, LIMITS, NOW_MS), { kind: 'unknown' })
    t.equal(await ephemeral.enrollments.find(enrollment, NOW_MS), null)

    const session = await openSession(ephemeral, accountId, {
      acr: 'aal1',
      amr: ['pwd'],
      secondFactorAt: null,
    })
    await openChallenge(ephemeral, accountId)
    await openEnrollment(ephemeral, accountId)
    t.same(await ephemeral.sessions.list(accountId, NOW_MS), [shown(session)])
    for (const kind of ['se', 'sx', 'ch', 'en'])
      t.equal((await redis.keys(`${prefix}${kind}:*`)).length, 1, kind)
    t.same(await redis.zrange(before.set, '0', '-1'), [sid])
    t.equal(await redis.hget(before.session, 'd'), passwordOnly(accountId, sid))
  },
)

t.test(
  'the ends of all sessions and the locks of the release before count in this one',
  { skip },
  async (t) => {
    const { ephemeral, redis, prefix, accountId } = await open(t)
    const account = `${prefix}ac:{${accountTag(accountId)}}`
    const { sid } = await openSession(ephemeral, accountId)
    await redis.hset(account, { f: 5, l: NOW_MS + 1000 })
    await redis.hincrby(account, 'e', 1)
    t.equal(await ephemeral.sessions.touch(grantPlace(accountId, sid), NOW_MS), null)
    t.equal((await ephemeral.budgets.read(accountId, NOW_MS)).lockedUntilMs, NOW_MS + 1000)
  },
)

const UNREADABLE = ['', 'none', '{}', '[]', 'null', '[1,2,3]']

t.test('a session that does not parse is absent', { skip }, async (t) => {
  const { ephemeral, redis, prefix, accountId } = await open(t)
  const session = await openSession(ephemeral, accountId)
  const { sessions } = ephemeral
  const [key = ''] = await redis.keys(`${prefix}se3:*`)
  const isAbsent = async (name: string) => {
    t.equal(await sessions.touch(grantPlace(accountId, session.sid), NOW_MS), null, name)
    const next = presented('next').refreshHash
    const rotated = await sessions.rotateRefresh(
      placeOfSession(session),
      presented('first'),
      { refreshHash: next, secondFactorSince: 0, ip: null, graceMs: 0 },
      NOW_MS,
    )
    t.same(rotated, { kind: 'unknown' }, name)
    t.same(await sessions.list(accountId, NOW_MS), [], name)
  }
  for (const record of [...UNREADABLE, passwordOnly(accountId, session.sid)]) {
    await redis.hset(key, sessionHash(record))
    await isAbsent(record)
  }
  for (const field of ['i', 'a', 'c', 's', 'e']) {
    await redis.hset(key, sessionHash(passwordOnly(accountId, session.sid)))
    await redis.hdel(key, field)
    await isAbsent(`without ${field}`)
  }
})

t.test('a challenge and an enrollment that do not parse are absent', { skip }, async (t) => {
  const { ephemeral, redis, prefix, accountId } = await open(t)
  const challenge = await openChallenge(ephemeral, accountId)
  const enrollment = await openEnrollment(ephemeral, accountId)
  const keys = [...(await redis.keys(`${prefix}ch*:*`)), ...(await redis.keys(`${prefix}en*:*`))]
  const records = [...UNREADABLE, pending(accountId)]
  const { challenges, enrollments } = ephemeral
  const stored = records.map((record) => `0|${NOW_MS + 60_000}|0|0|totp:6|${record}`)
  for (const value of [...UNREADABLE, ...stored]) {
    for (const key of keys) await redis.set(key, value)
    const taken = await challenges.takeAttempt(challenge, TOTP, { ...LIMITS, maxFailedAttempts: 99 }, NOW_MS)
    t.same(taken, { kind: 'unknown' }, value)
    t.equal(await challenges.find(challenge, NOW_MS), null, value)
    t.equal(await enrollments.find(enrollment, NOW_MS), null, value)
    t.equal(await challenges.cancel(challenge, NOW_MS), null, value)
  }
})
