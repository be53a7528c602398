import { Redis } from 'ioredis'
import t from 'tap'
import { accountTag } from '../../../src/encryption/opaque-token.ts'
import { openRedisEphemeral } from '../../../src/ephemeral/redis/redis.ts'
import { missingServer, newKeyPrefix, sharedRedis } from '../../support/servers.ts'
import {
  challengeOf,
  grantPlace,
  LIMITS,
  NOW_MS,
  newAccountId,
  openChallenge,
  openEnrollment,
  openSession,
  parallel,
  placeOfSession,
  presented,
  pushedOf,
  quiet,
  sessionOf,
  TOTP,
} from '../fixtures.ts'

const CHROME =
  'Mozilla/5.0 (Linux; Android 14; Pixel 8 Pro) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.6778.104 Mobile Safari/537.36'

const skip = missingServer('redis')

const openBoth = async (keyPrefix?: string) => {
  const { url } = await sharedRedis()
  const prefix = keyPrefix ? { keyPrefix } : {}
  return { ephemeral: await openRedisEphemeral({ url, ...prefix, log: quiet }), redis: new Redis(url) }
}

t.test('every key has a TTL, shares the tag of its account and names no account', { skip }, async (t) => {
  const keyPrefix = newKeyPrefix()
  const { ephemeral, redis } = await openBoth(keyPrefix)
  t.teardown(() => Promise.all([ephemeral.close(), redis.quit()]))
  const { challenges, budgets, versions, sessions, guesses, counters } = ephemeral
  const accountId = newAccountId()

  const token = await openChallenge(ephemeral, accountId)
  await challenges.takeAttempt(token, TOTP, LIMITS, NOW_MS)
  await challenges.giveBack(token, LIMITS, NOW_MS)
  await openEnrollment(ephemeral, accountId)
  await budgets.take(accountId, { maxFailedAttempts: 1, lockoutSeconds: 900 }, NOW_MS)
  await budgets.giveBack(accountId, LIMITS)
  const session = await openSession(ephemeral, accountId, { maxSessions: 3 })
  await openSession(ephemeral, accountId, { idleSeconds: 60, absoluteAt: session.absoluteAt - 1000 })
  await openSession(ephemeral, accountId, { absoluteAt: Math.floor(NOW_MS / 1000) - 1 })
  await sessions.touch(grantPlace(accountId, session.sid), NOW_MS + 5000)
  await sessions.rotateRefresh(
    placeOfSession(session),
    presented('first'),
    { refreshHash: 'next', secondFactorSince: 0, ip: null, graceMs: 0 },
    NOW_MS,
  )
  await versions.raise(accountId, NOW_MS + 1000)
  await sessions.endAll(accountId, session.sid, NOW_MS)
  await sessions.restoreRefresh(placeOfSession(session), presented('first'), 'next')
  await openChallenge(ephemeral, accountId)
  await challenges.endAll(accountId)
  await openSession(ephemeral, accountId, { network: '192.0.2.1' })
  const from = { network: '192.0.2.1', othersClosedUntilMs: null }
  await guesses.take(accountId, from, { limit: 1, firstWaitMs: 60_000 }, NOW_MS)
  await guesses.take(accountId, { ...from, network: null }, { limit: 9, firstWaitMs: 60_000 }, NOW_MS)
  await counters.increment(`password:${accountId}`, 60_000, NOW_MS)
  await counters.increment(`password:${accountId}`, 60_000, NOW_MS)
  await counters.decrement(`password:${accountId}`, NOW_MS)

  const { pushedRequests, replays } = ephemeral
  await pushedRequests.open(token, { record: pushedOf(), ttlSeconds: 60, nowMs: NOW_MS })
  await pushedRequests.find(token, 'a-browser', 600, NOW_MS)
  await replays.firstUse(accountId, 60_000, NOW_MS)

  const keys = await redis.keys(`${keyPrefix}*`)
  const kinds = keys.map((key) => key.slice(keyPrefix.length).split(':')[0]).toSorted()
  t.same(kinds, ['ac', 'ch3', 'ch3', 'ct', 'en2', 'ju1', 'pr1', 'pw', 'se3', 'se3', 'sx3'])
  for (const key of keys) {
    t.ok((await redis.pttl(key)) > 0, `${key} has a TTL`)
    t.notMatch(key, accountId)
    t.notMatch(key, token.slice(20))
  }
  const tags = keys.filter((key) => !/(?:ct|ju1|pr1):/.test(key)).map((key) => /\{(.+)\}/.exec(key)?.[1])
  t.equal(new Set(tags).size, 1)
  const monthMs = 30 * 24 * 60 * 60 * 1000
  const accountTtl = await redis.pttl(keys.find((key) => key.includes('ac:')) ?? '')
  t.ok(accountTtl > monthMs - 60_000 && accountTtl <= monthMs, 'failures are kept for 30 days')
})

t.test('one pending challenge takes less than 700 bytes of Redis', { skip }, async (t) => {
  const { ephemeral, redis } = await openBoth()
  t.teardown(() => Promise.all([ephemeral.close(), redis.quit()]))
  const accountId = newAccountId()
  const record = challengeOf(accountId, {
    clientId: newAccountId(),
    purpose: 'step_up',
    scope: 'openid profile email offline_access',
    sid: newAccountId(),
    endUser: { ip: '2001:db8:85a3:8d3:1319:8a2e:370:7348', userAgent: CHROME },
  })
  const methods = ['totp:6', 'recovery_code', 'webauthn', 'email:6']
  const before = new Set(await redis.keys('postern:ch3:*'))
  const token = await openChallenge(ephemeral, accountId, { record, methods })
  await ephemeral.challenges.takeAttempt(token, TOTP, LIMITS, NOW_MS)
  const [key = ''] = (await redis.keys('postern:ch3:*')).filter((one) => !before.has(one))
  const bytes = await redis.memory('USAGE', key)
  t.ok(bytes !== null && bytes < 700, `${bytes} bytes`)
  t.comment(`a pending challenge takes ${bytes} bytes`)
  await ephemeral.challenges.cancel(token, NOW_MS)
  await redis.del(`postern:ac:{${/\{(.+)\}/.exec(key)?.[1]}}`)
})

t.test(
  'whatever makes the key of an account makes it with a TTL: a day for a version alone',
  { skip },
  async (t) => {
    const keyPrefix = newKeyPrefix()
    const { ephemeral, redis } = await openBoth(keyPrefix)
    t.teardown(() => Promise.all([ephemeral.close(), redis.quit()]))
    const { budgets, challenges, sessions, versions } = ephemeral
    const dayMs = 24 * 60 * 60 * 1000
    const keyOf = (accountId: string) => `${keyPrefix}ac:{${accountTag(accountId)}}`
    const makes: Record<string, { days: 1 | 30; make: (accountId: string) => Promise<unknown> }> = {
      'a raise': { days: 1, make: (accountId) => versions.raise(accountId, null) },
      'a raise for a time': { days: 1, make: (accountId) => versions.raise(accountId, NOW_MS + 1000) },
      'reading it': { days: 1, make: (accountId) => budgets.read(accountId, NOW_MS) },
      'a count': { days: 30, make: (accountId) => budgets.take(accountId, LIMITS, NOW_MS) },
      'the end of its challenges': { days: 30, make: (accountId) => challenges.endAll(accountId) },
      'the end of its sessions': { days: 30, make: (accountId) => sessions.endAll(accountId, null, NOW_MS) },
      'a network': {
        days: 30,
        make: (accountId) => openSession(ephemeral, accountId, { network: '192.0.2.1' }),
      },
    }
    for (const [name, { days, make }] of Object.entries(makes)) {
      const accountId = newAccountId()
      await make(accountId)
      const ttlMs = await redis.pttl(keyOf(accountId))
      t.ok(ttlMs > days * dayMs - 60_000 && ttlMs <= days * dayMs, `${name}: ${ttlMs} ms`)
      await versions.raise(accountId, null)
      const left = await redis.pttl(keyOf(accountId))
      t.ok(left <= ttlMs && left > ttlMs - 60_000, `${name}: a raise leaves ${left} ms`)
      await redis.pexpire(keyOf(accountId), 5_000)
      await versions.raise(accountId, NOW_MS + 1000)
      t.ok(
        (await redis.pttl(keyOf(accountId))) > dayMs - 60_000,
        `${name}: nor is the raise lost with the rest`,
      )
    }
  },
)

t.test('an account whose key is lost or evicted never has an earlier version again', { skip }, async (t) => {
  const keyPrefix = newKeyPrefix()
  const { ephemeral, redis } = await openBoth(keyPrefix)
  t.teardown(() => Promise.all([ephemeral.close(), redis.quit()]))
  const { accountId, sid } = await openSession(ephemeral, newAccountId())
  const [set = ''] = await redis.keys(`${keyPrefix}sx3:*`)
  const key = set.replace('sx3:', 'ac:')
  const seen = new Set<string | undefined>()
  for (let i = 0; i < 5; i += 1) {
    seen.add((await ephemeral.sessions.touch(grantPlace(accountId, sid), NOW_MS))?.accountVersion)
    t.ok((await redis.pttl(key)) > 0, 'made with a TTL')
    t.equal(await redis.del(key), 1)
  }
  t.equal(seen.size, 5, 'at one moment of one session')
})

t.test('a session outlives an evicted set of sessions, and not the end of all', { skip }, async (t) => {
  const keyPrefix = newKeyPrefix()
  const { ephemeral, redis } = await openBoth(keyPrefix)
  t.teardown(() => Promise.all([ephemeral.close(), redis.quit()]))
  const accountId = newAccountId()
  const { sid } = await openSession(ephemeral, accountId)
  await redis.del(...(await redis.keys(`${keyPrefix}sx3:*`)))
  t.ok(await ephemeral.sessions.touch(grantPlace(accountId, sid), NOW_MS + 2000))
  t.same(await redis.keys(`${keyPrefix}sx3:*`), [], 'its use makes no set without a TTL')
  await ephemeral.sessions.endAll(accountId, null, NOW_MS)
  t.equal(await ephemeral.sessions.touch(grantPlace(accountId, sid), NOW_MS), null)
})

t.test('a session’s key goes with its absolute end, however it is used', { skip }, async (t) => {
  const keyPrefix = newKeyPrefix()
  const { ephemeral, redis } = await openBoth(keyPrefix)
  t.teardown(() => Promise.all([ephemeral.close(), redis.quit()]))
  const accountId = newAccountId()
  const { sid } = await openSession(ephemeral, accountId, {
    idleSeconds: 3600,
    absoluteAt: Math.floor(NOW_MS / 1000) + 600,
  })
  await ephemeral.sessions.touch(grantPlace(accountId, sid), NOW_MS + 5000)
  const [key = ''] = await redis.keys(`${keyPrefix}se3:*`)
  const ttlMs = await redis.pttl(key)
  t.ok(ttlMs > 0 && ttlMs <= 595_000, `${ttlMs} ms`)
})

t.test('guesses at a password are kept until the last of them is forgiven', { skip }, async (t) => {
  const keyPrefix = newKeyPrefix()
  const { ephemeral, redis } = await openBoth(keyPrefix)
  t.teardown(() => Promise.all([ephemeral.close(), redis.quit()]))
  const subject = newAccountId()
  const limits = { limit: 10, firstWaitMs: 60_000 }
  for (let i = 0; i < 3; i += 1) {
    await ephemeral.guesses.take(subject, { network: null, othersClosedUntilMs: null }, limits, NOW_MS)
  }
  const [key = ''] = await redis.keys(`${keyPrefix}*`)
  const hours = (await redis.pttl(key)) / 3_600_000
  t.ok(hours > 17.9 && hours <= 18, `${hours} h, six for each`)
})

t.test('ending all sessions but one that is gone leaves nothing of that one', { skip }, async (t) => {
  const keyPrefix = newKeyPrefix()
  const { ephemeral, redis } = await openBoth(keyPrefix)
  t.teardown(() => Promise.all([ephemeral.close(), redis.quit()]))
  const accountId = newAccountId()
  const { sid } = await openSession(ephemeral, accountId)
  await ephemeral.sessions.end(accountId, sid, NOW_MS)
  await ephemeral.sessions.endAll(accountId, sid, NOW_MS)
  t.same(await redis.keys(`${keyPrefix}se3:*`), [])
})

t.test(
  'an account’s set of sessions never has more than a hundred, nor one that has ended',
  { skip },
  async (t) => {
    const keyPrefix = newKeyPrefix()
    const { ephemeral, redis } = await openBoth(keyPrefix)
    t.teardown(() => Promise.all([ephemeral.close(), redis.quit()]))
    const accountId = newAccountId()
    await parallel(150, () => openSession(ephemeral, accountId, { idleSeconds: 60 }))
    const [set = ''] = await redis.keys(`${keyPrefix}sx3:*`)
    t.equal(await redis.zcard(set), 100)
    t.equal((await redis.keys(`${keyPrefix}se3:*`)).length, 100)
    const next = sessionOf(accountId)
    t.ok(await ephemeral.sessions.open(next, { sessionEpoch: 0 }, NOW_MS + 60_000))
    t.same(await redis.zrange(set, '0', '-1'), [next.sid])
    t.same((await redis.keys(`${keyPrefix}se3:*`)).length, 1)
  },
)

t.test('a set of thousands holds Redis up for no one', { skip }, async (t) => {
  const keyPrefix = newKeyPrefix()
  const { ephemeral, redis } = await openBoth(keyPrefix)
  t.teardown(() => Promise.all([ephemeral.close(), redis.quit()]))
  const accountId = newAccountId()
  const kept = await openSession(ephemeral, accountId)
  const [set = ''] = await redis.keys(`${keyPrefix}sx3:*`)
  const left = Array.from({ length: 5000 }, (_, i) => [String(NOW_MS + i), `left-${i}`]).flat()
  await redis.call('ZADD', set, ...left)
  const commands = async (run: () => Promise<unknown>): Promise<number> => {
    const count = async () => Number(/cmdstat_hmget:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1])
    const before = await count()
    await run()
    return (await count()) - before
  }
  t.ok((await commands(() => ephemeral.sessions.list(accountId, NOW_MS))) < 1000)
  t.ok((await commands(() => openSession(ephemeral, accountId))) < 1000)
  t.ok((await commands(() => ephemeral.sessions.endAll(accountId, kept.sid, NOW_MS))) < 1000)
  t.ok(await ephemeral.sessions.touch(grantPlace(accountId, kept.sid), NOW_MS))
  t.ok((await redis.zcard(set)) <= 100)
})
