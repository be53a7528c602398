import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { ChangedTopic, Ephemeral } from '../../../src/ephemeral/ephemeral.ts'
import { openRedisEphemeral } from '../../../src/ephemeral/redis/redis.ts'
import { DependencyError } from '../../../src/errors.ts'
import { missingServer, newKeyPrefix, startRedis, startRedisCluster } from '../../support/servers.ts'
import {
  grantPlace,
  LIMITS,
  NOW_MS,
  newAccountId,
  openChallenge,
  openSession,
  parallel,
  quiet,
  TOTP,
} from '../fixtures.ts'

const skip = missingServer('redis')

/** Rejects with a DependencyError, and before a caller's patience of one second is over. */
const failsSoon = async (t: Test, operation: () => Promise<unknown>): Promise<void> => {
  const began = performance.now()
  await t.rejects(operation(), { name: 'DependencyError', dependency: 'redis' })
  t.ok(performance.now() - began < 1000, 'within a second')
}

const everyOperation = (
  ephemeral: Ephemeral,
  token: string,
  accountId: string,
): (() => Promise<unknown>)[] => [
  () => ephemeral.challenges.takeAttempt(token, TOTP, LIMITS, NOW_MS),
  () => ephemeral.challenges.find(token, NOW_MS),
  () => ephemeral.challenges.endAll(accountId),
  () => ephemeral.budgets.take(accountId, LIMITS, NOW_MS),
  () => ephemeral.budgets.read(accountId, NOW_MS),
  () => ephemeral.budgets.clear(accountId),
  () => ephemeral.sessions.touch(grantPlace(accountId, 'sid'), NOW_MS),
  () => ephemeral.sessions.list(accountId, NOW_MS),
  () => ephemeral.counters.increment('name', 1000, NOW_MS),
  () => ephemeral.counters.reset('name'),
  () => ephemeral.changes.publish('policy'),
  () => ephemeral.ping(),
]

const untilItAnswers = async (ephemeral: Ephemeral, withinMs = 8000): Promise<void> => {
  for (const deadline = Date.now() + withinMs; ; await sleep(50)) {
    try {
      await ephemeral.counters.increment('is it there', 1000, NOW_MS)
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
  }
}

const untilHeard = (ephemeral: Ephemeral, wanted: ChangedTopic): Promise<void> =>
  new Promise((resolve) => {
    ephemeral.changes.subscribe((topic) => {
      if (topic === wanted) resolve()
    })
  })

t.test('Redis stopped: every operation fails soon; started: all of them work again', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const logged: string[] = []
  const log = {
    info: (_: object, line: string) => logged.push(line),
    warn: (_: object, line: string) => logged.push(line),
  }
  const ephemeral = await openRedisEphemeral({ url: redis.url, log })
  t.teardown(() => ephemeral.close())
  const accountId = newAccountId()
  const token = await openChallenge(ephemeral, accountId)
  const operations = everyOperation(ephemeral, token, accountId)
  await Promise.all(operations.map((operation) => operation()))

  await redis.stop()
  for (let i = 0; i < 3; i++) {
    await Promise.all(operations.map((operation) => failsSoon(t, operation)))
    await sleep(200)
  }
  const reconnected = untilHeard(ephemeral, 'reconnected')
  await redis.start()
  await untilItAnswers(ephemeral)
  await reconnected
  t.same(logged, ['the connection to Redis is lost', 'the connection to Redis is back'])
  t.same(await operations[0]?.(), { kind: 'unknown' }, 'it came back empty, and its scripts with it')
  await Promise.all(operations.map((operation) => operation()))
  const heard = untilHeard(ephemeral, 'policy')
  await ephemeral.changes.publish('policy')
  await heard
})

t.test('Redis silent: commands fail soon, queued ones too; it recovers by itself', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const ephemeral = await openRedisEphemeral({ url: redis.url, log: quiet })
  t.teardown(() => ephemeral.close())
  const accountId = newAccountId()
  const { sid } = await openSession(ephemeral, accountId)
  const reconnected = untilHeard(ephemeral, 'reconnected')
  redis.pause()
  // Long enough for the silent subscription to be noticed, and given up.
  await parallel(80, async (i) => {
    await sleep(i * 100)
    await failsSoon(t, () => ephemeral.sessions.touch(grantPlace(accountId, sid), NOW_MS))
  })
  redis.resume()
  await untilItAnswers(ephemeral)
  await reconnected
  t.equal((await ephemeral.sessions.touch(grantPlace(accountId, sid), NOW_MS))?.sid, sid)
})

t.test('scripts that Redis has forgotten are sent again, in the midst of a batch', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const ephemeral = await openRedisEphemeral({ url: redis.url, log: quiet })
  t.teardown(() => ephemeral.close())
  const accountId = newAccountId()
  const { sid } = await openSession(ephemeral, accountId)
  const operator = new Redis(redis.url)
  t.teardown(() => operator.disconnect())
  for (let round = 0; round < 3; round++) {
    await operator.script('FLUSH')
    const token = await openChallenge(ephemeral, newAccountId())
    const touched = parallel(50, () => ephemeral.sessions.touch(grantPlace(accountId, sid), NOW_MS))
    const taken = await parallel(50, () => ephemeral.challenges.takeAttempt(token, TOTP, LIMITS, NOW_MS))
    t.equal(taken.filter(({ kind }) => kind === 'taken').length, 5)
    t.ok((await touched).every((session) => session?.sid === sid))
  }
})

t.test('a server that has become a replica is left, and found again as a master', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const ephemeral = await openRedisEphemeral({ url: redis.url, log: quiet })
  t.teardown(() => ephemeral.close())
  const operator = new Redis(redis.url)
  t.teardown(() => operator.disconnect())
  await operator.replicaof('127.0.0.1', 1)
  const take = () => ephemeral.budgets.take(newAccountId(), LIMITS, NOW_MS)
  await t.rejects(take(), { name: 'DependencyError', message: /READONLY/ })
  await operator.replicaof('NO', 'ONE')
  await untilItAnswers(ephemeral)
  t.match(await take(), { kind: 'taken' })
})

t.test('a lost subscription is taken up again, and what was missed is made known', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const keyPrefix = newKeyPrefix()
  const ephemeral = await openRedisEphemeral({ url: redis.url, keyPrefix, log: quiet })
  t.teardown(() => ephemeral.close())
  const operator = new Redis(redis.url)
  t.teardown(() => operator.disconnect())
  const reconnected = untilHeard(ephemeral, 'reconnected')
  await operator.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await reconnected

  const unknown = untilHeard(ephemeral, 'reconnected')
  await operator.publish(`${keyPrefix}changed`, 'a topic of a later version')
  await unknown
  t.pass('a topic that is not known means: read everything again')
})

t.test('a password that is wrong, or a Redis that is away, is reported at opening', { skip }, async (t) => {
  const redis = await startRedis('--requirepass', 'right')
  t.teardown(() => redis.stop())
  const open = (password: string) => {
    const url = redis.url.replace('//', `//:${password}@`)
    return openRedisEphemeral({ url, log: quiet, readyTimeoutMs: 400 })
  }
  const ephemeral = await open('right')
  await ephemeral.ping()
  await ephemeral.close()
  await t.rejects(ephemeral.ping(), DependencyError)
  const refusal = await open('not-the-password').catch((error: unknown) => error)
  t.match(refusal, { name: 'DependencyError', message: /WRONGPASS/ })
  t.notMatch(inspect(refusal, { depth: 9 }), 'not-the-password')
  redis.pause()
  await t.rejects(open('right'), DependencyError)
  await redis.stop()
  await t.rejects(open('right'), { name: 'DependencyError', message: /ECONNREFUSED/ })
})

t.test('a user who may not subscribe is reported at opening', { skip }, async (t) => {
  const acl = ['--user', 'default', 'on', 'nopass', '~*', '+@all', 'resetchannels']
  const redis = await startRedis(...acl)
  t.teardown(() => redis.stop())
  const opening = openRedisEphemeral({ url: redis.url, log: quiet, readyTimeoutMs: 600 })
  await t.rejects(opening, { name: 'DependencyError', message: /no subscription/ })
})

t.test('a cluster that loses a node, and then all of them', { skip }, async (t) => {
  const cluster = await startRedisCluster()
  t.teardown(() => cluster.stop())
  const ephemeral = await openRedisEphemeral({ url: cluster.url, log: quiet })
  t.teardown(() => ephemeral.close())
  const accounts = Array.from({ length: 30 }, newAccountId)
  await Promise.all(accounts.map((accountId) => openSession(ephemeral, accountId)))

  await cluster.nodes[0]?.kill()
  const states = await Promise.allSettled(
    accounts.map((accountId) => ephemeral.sessions.list(accountId, NOW_MS)),
  )
  t.ok(states.every((state) => state.status === 'fulfilled' || state.reason instanceof DependencyError))
  await Promise.all(cluster.nodes.slice(1).map((node) => node.kill()))
  await sleep(300)
  await parallel(10, () => failsSoon(t, () => ephemeral.sessions.list(newAccountId(), NOW_MS)))

  const reconnected = untilHeard(ephemeral, 'reconnected')
  await Promise.all(cluster.nodes.map((node) => node.start()))
  await untilItAnswers(ephemeral, 20_000)
  for (const accountId of accounts) {
    for (const deadline = Date.now() + 10_000; ; await sleep(50)) {
      try {
        t.same(await ephemeral.sessions.list(accountId, NOW_MS), [])
        break
      } catch (error) {
        if (Date.now() > deadline) throw error
      }
    }
  }
  await reconnected
})
