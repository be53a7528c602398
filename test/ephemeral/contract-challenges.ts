import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { newAccountToken } from '../../src/encryption/opaque-token.ts'
import type { Answerer, Ephemeral, Epochs } from '../../src/ephemeral/ephemeral.ts'
import {
  challengeOf,
  enrollmentOf,
  LIMITS,
  LOCKED_UNTIL_MS,
  NOW_MS,
  newAccountId,
  openChallenge,
  openSession,
  parallel,
  sessionOf,
} from './fixtures.ts'

export const challengeContract = (t: Test, ephemeral: () => Ephemeral): void => {
  const take = (token: string, method = 'totp:6', nowMs = NOW_MS, limits = LIMITS) =>
    ephemeral().challenges.takeAttempt(token, { method, answerer: null }, limits, nowMs)
  const kinds = (results: { kind: string }[], kind: string) =>
    results.filter((result) => result.kind === kind)

  t.test('a challenge hands out what it is bound to', async (t) => {
    const accountId = newAccountId()
    const record = challengeOf(accountId, { purpose: 'step_up', sid: 'a-sid' })
    const token = await openChallenge(ephemeral(), accountId, { record })
    t.same(await ephemeral().challenges.find(token, NOW_MS), record)
    const { accountVersion } = await ephemeral().budgets.read(accountId, NOW_MS)
    t.ok(accountVersion)
    const taken = { kind: 'taken', record, sessionEpoch: 0, accountVersion }
    t.same(await take(token), { ...taken, remaining: 4 })
    t.same(await take(token, 'recovery_code'), { ...taken, remaining: 3 })
    await ephemeral().versions.raise(accountId, NOW_MS + 1)
    t.match(await take(token), { kind: 'taken', accountVersion: '' }, 'its account is being changed')
  })

  t.test(
    'of 200 parallel attempts no more than the limit are taken, and the account is locked',
    async (t) => {
      const accountId = newAccountId()
      const token = await openChallenge(ephemeral(), accountId)
      const results = await parallel(200, () => take(token))
      t.equal(kinds(results, 'taken').length, 5)
      t.same(
        results.flatMap((result) => (result.kind === 'taken' ? result.remaining : [])).toSorted(),
        [0, 1, 2, 3, 4],
      )
      const locked = { kind: 'locked', accountId, clientId: 'shop', untilMs: LOCKED_UNTIL_MS }
      t.same(kinds(results, 'locked'), Array(195).fill(locked))
      t.equal((await ephemeral().budgets.read(accountId, NOW_MS)).lockedUntilMs, LOCKED_UNTIL_MS)
    },
  )

  t.test('many challenges of one account share its budget', async (t) => {
    const accountId = newAccountId()
    const tokens = await parallel(20, () => openChallenge(ephemeral(), accountId))
    const results = await parallel(200, (i) => take(tokens[i % 20] ?? ''))
    t.equal(kinds(results, 'taken').length, 5)
    const another = await openChallenge(ephemeral(), accountId)
    t.equal((await take(another)).kind, 'locked', 'a new challenge gives no new attempts')
  })

  t.test(
    'a challenge is answered by the backend that opened it alone, and others count nothing',
    async (t) => {
      const accountId = newAccountId()
      const mine = { clientId: 'shop', clientRegisteredAt: NOW_MS - 1 }
      const answered = async (token: string, answerer: Answerer) => {
        const by = { method: 'totp:6', answerer }
        const taken = await ephemeral().challenges.takeAttempt(token, by, LIMITS, NOW_MS)
        return taken.kind === 'taken' ? taken.remaining : taken
      }
      for (const byBackend of [true, false]) {
        const record = challengeOf(accountId, { byBackend })
        const token = await openChallenge(ephemeral(), accountId, { record })
        const foreign = { kind: 'foreign', record }
        t.same(await answered(token, { ...mine, clientId: 'another' }), foreign, 'another client')
        t.same(
          await answered(token, { ...mine, clientRegisteredAt: NOW_MS }),
          foreign,
          'one of the same id, made anew',
        )
        if (byBackend) t.same(await answered(token, null), foreign, 'whoever holds it')
        t.equal(await answered(token, mine), byBackend ? 4 : 3, 'its own backend')
        if (!byBackend)
          t.equal(await answered(token, null), 2, 'whoever holds it, where no backend has opened it')
      }
      const record = challengeOf(accountId, { byBackend: true })
      const token = await openChallenge(ephemeral(), accountId, { record, methods: [] })
      t.equal((await take(token)).kind, 'foreign', 'also where the method is not offered')
    },
  )

  t.test('a method that was not offered counts nothing', async (t) => {
    const token = await openChallenge(ephemeral(), newAccountId())
    for (const method of ['email:6', 'totp:6,recovery_code', '', 'totp']) {
      const answer = { kind: 'method_not_offered', methods: ['totp:6', 'recovery_code'] }
      t.same(await take(token, method), answer)
    }
    t.match(await take(token), { kind: 'taken', remaining: 4 })
    const empty = await openChallenge(ephemeral(), newAccountId(), { methods: [] })
    t.same(await take(empty), { kind: 'method_not_offered', methods: [] })
  })

  t.test('a challenge is unknown where it never was, has expired or belongs to another kind', async (t) => {
    const accountId = newAccountId()
    const token = await openChallenge(ephemeral(), accountId, { ttlSeconds: 60 })
    const strangers = [
      '',
      'pst_ch_',
      newAccountToken('challenge', accountId, randomBytes),
      newAccountToken('enrollment', accountId, randomBytes),
      `${token}x`,
    ]
    for (const stranger of strangers) {
      t.same(await take(stranger), { kind: 'unknown' })
      t.equal(await ephemeral().challenges.find(stranger, NOW_MS), null)
      t.equal(await ephemeral().challenges.cancel(stranger, NOW_MS), null)
      await ephemeral().challenges.giveBack(stranger, LIMITS, NOW_MS)
      t.equal(await ephemeral().challenges.pass(stranger, sessionOf(accountId), 0, NOW_MS), null)
    }
    t.ok(await ephemeral().challenges.find(token, NOW_MS + 59_999), 'pending until its last millisecond')
    const late = NOW_MS + 60_000
    t.equal(await ephemeral().challenges.find(token, late), null)
    t.same(await take(token, 'totp:6', late), { kind: 'unknown' })
    t.equal(await ephemeral().challenges.cancel(token, late), null)
    t.equal(await ephemeral().challenges.pass(token, sessionOf(accountId), 0, late), null)
    t.same(await ephemeral().sessions.list(accountId, late), [])
    await ephemeral().challenges.giveBack(token, LIMITS, late)
  })

  t.test('nothing is opened under epochs that were read before an end of all', async (t) => {
    const { budgets, challenges, enrollments, sessions } = ephemeral()
    const accountId = newAccountId()
    const opened = async (epochs: Required<Epochs>) => {
      const challengeToken = newAccountToken('challenge', accountId, randomBytes)
      const enrollmentToken = newAccountToken('enrollment', accountId, randomBytes)
      const at = { ttlSeconds: 60, epochs, nowMs: NOW_MS }
      const opening = { ...at, record: challengeOf(accountId), methods: ['totp:6'] }
      const answers = [
        await challenges.open(challengeToken, opening),
        await enrollments.open(enrollmentToken, { ...at, record: enrollmentOf(accountId) }),
        (await sessions.open(sessionOf(accountId), epochs, NOW_MS)) !== null,
      ]
      const pending = [
        await challenges.find(challengeToken, NOW_MS),
        await enrollments.find(enrollmentToken, NOW_MS),
      ]
      t.same(
        pending.map((record) => record !== null),
        answers.slice(0, 2),
      )
      return answers
    }
    for (const endAll of [
      () => challenges.endAll(accountId),
      () => sessions.endAll(accountId, null, NOW_MS),
    ]) {
      const before = await budgets.read(accountId, NOW_MS)
      t.same(await opened(before), [true, true, true])
      await endAll()
      t.same(await opened(before), [false, false, false])
    }
    const { sessionEpoch } = await budgets.read(accountId, NOW_MS)
    await challenges.endAll(accountId)
    t.ok(await sessions.open(sessionOf(accountId), { sessionEpoch }, NOW_MS), 'where it is left out')
  })

  t.test('a token is only opened for the account that it names', async (t) => {
    const token = newAccountToken('challenge', newAccountId(), randomBytes)
    const epochs = { sessionEpoch: 0, challengeEpoch: 0 }
    const opening = {
      record: challengeOf(newAccountId()),
      methods: [],
      ttlSeconds: 60,
      epochs,
      nowMs: NOW_MS,
    }
    await t.rejects(ephemeral().challenges.open(token, opening), /not a challenge token of this account/)
  })

  t.test('a lock ends by itself and refills the budget', async (t) => {
    const accountId = newAccountId()
    const first = await openChallenge(ephemeral(), accountId, { ttlSeconds: 3600 })
    await parallel(5, () => take(first))
    const token = await openChallenge(ephemeral(), accountId, { ttlSeconds: 3600 })
    t.match(await take(token, 'totp:6', LOCKED_UNTIL_MS - 1), { kind: 'locked' })
    t.match(await take(token, 'totp:6', LOCKED_UNTIL_MS), { kind: 'taken', remaining: 4 })
    t.match(
      await take(first, 'totp:6', LOCKED_UNTIL_MS),
      { kind: 'unknown' },
      'a challenge has its own limit',
    )
    t.equal((await ephemeral().budgets.read(accountId, LOCKED_UNTIL_MS)).lockedUntilMs, null)
  })

  t.test('clearing the failures of the account gives a challenge no new attempts', async (t) => {
    const accountId = newAccountId()
    const token = await openChallenge(ephemeral(), accountId)
    await parallel(4, () => take(token))
    await ephemeral().budgets.clear(accountId)
    t.match(await take(token), { kind: 'taken', remaining: 0 })
    t.same(await take(token), { kind: 'unknown' })
    const another = await openChallenge(ephemeral(), accountId)
    t.match(await take(another), { kind: 'taken', remaining: 3 })
  })

  t.test('an attempt that could not be evaluated is given back, with the lock it caused', async (t) => {
    const accountId = newAccountId()
    const token = await openChallenge(ephemeral(), accountId)
    await parallel(5, () => take(token))
    t.match(await take(token), { kind: 'locked' })
    await ephemeral().challenges.giveBack(token, LIMITS, NOW_MS)
    t.equal((await ephemeral().budgets.read(accountId, NOW_MS)).lockedUntilMs, null)
    t.match(await take(token), { kind: 'taken', remaining: 0 })
    await parallel(20, () => ephemeral().challenges.giveBack(token, LIMITS, NOW_MS))
    t.match(await take(token), { kind: 'taken', remaining: 4 }, 'never more than all of them')
  })

  t.test('50 parallel callers pass a challenge: one wins, and has its session opened', async (t) => {
    const accountId = newAccountId()
    const token = await openChallenge(ephemeral(), accountId)
    await parallel(5, () => take(token))
    const sessions = Array.from({ length: 50 }, () => sessionOf(accountId))
    const won = await Promise.all(
      sessions.map((session) => ephemeral().challenges.pass(token, session, 0, NOW_MS)),
    )
    t.equal(won.filter(Boolean).length, 1)
    const listed = await ephemeral().sessions.list(accountId, NOW_MS)
    t.same(
      listed.map(({ sid }) => sid),
      [sessions[won.findIndex(Boolean)]?.sid],
    )
    t.equal(
      (await ephemeral().budgets.read(accountId, NOW_MS)).lockedUntilMs,
      null,
      'passing clears the lock',
    )
    t.same(await take(token), { kind: 'unknown' })
    const next = await openChallenge(ephemeral(), accountId)
    t.match(await take(next), { kind: 'taken', remaining: 4 })
  })

  t.test('passing is refused for another account, and under a stale session epoch', async (t) => {
    const accountId = newAccountId()
    const token = await openChallenge(ephemeral(), accountId)
    await take(token)
    const stranger = newAccountId()
    t.equal(await ephemeral().challenges.pass(token, sessionOf(stranger), 0, NOW_MS), null)
    t.equal(await ephemeral().challenges.pass(token, sessionOf(accountId), 1, NOW_MS), null)
    t.same(await ephemeral().sessions.list(accountId, NOW_MS), [])
    t.match(await take(token), { kind: 'taken', remaining: 3 }, 'nothing has changed')
  })

  t.test('ending all sessions ends what is being opened under the old epoch', async (t) => {
    const accountId = newAccountId()
    const token = await openChallenge(ephemeral(), accountId)
    t.match(await take(token), { kind: 'taken', sessionEpoch: 0 })
    await ephemeral().sessions.endAll(accountId, null, NOW_MS)
    t.equal(await ephemeral().challenges.pass(token, sessionOf(accountId), 0, NOW_MS), null)
    t.equal(await ephemeral().challenges.pass(token, sessionOf(accountId), 1, NOW_MS), null)
    t.same(await take(token), { kind: 'unknown' })
    const next = await openChallenge(ephemeral(), accountId)
    t.match(await take(next), { kind: 'taken', sessionEpoch: 1 })
    t.ok(await ephemeral().challenges.pass(next, sessionOf(accountId), 1, NOW_MS))
  })

  t.test('a step-up replaces its session in the same step', async (t) => {
    const accountId = newAccountId()
    const { sid } = await openSession(ephemeral(), accountId)
    const token = await openChallenge(ephemeral(), accountId)
    const session = sessionOf(accountId, { replacesSid: sid })
    t.ok(await ephemeral().challenges.pass(token, session, 0, NOW_MS))
    const listed = await ephemeral().sessions.list(accountId, NOW_MS)
    t.same(
      listed.map((one) => one.sid),
      [session.sid],
    )
  })

  t.test('a step-up does not bring back a session that was ended meanwhile', async (t) => {
    const accountId = newAccountId()
    const { sid } = await openSession(ephemeral(), accountId)
    const token = await openChallenge(ephemeral(), accountId)
    await ephemeral().sessions.end(accountId, sid, NOW_MS)
    const session = sessionOf(accountId, { replacesSid: sid })
    t.equal(await ephemeral().challenges.pass(token, session, 0, NOW_MS), null)
    t.same(await ephemeral().sessions.list(accountId, NOW_MS), [])
  })

  t.test('a challenge is cancelled by exactly one caller', async (t) => {
    const accountId = newAccountId()
    const token = await openChallenge(ephemeral(), accountId)
    const cancelled = await parallel(50, () => ephemeral().challenges.cancel(token, NOW_MS))
    t.same(
      cancelled.filter((record) => record !== null),
      [challengeOf(accountId)],
    )
    t.equal(await ephemeral().challenges.find(token, NOW_MS), null)
    t.equal(await ephemeral().challenges.pass(token, sessionOf(accountId), 0, NOW_MS), null)
  })

  t.test('changing the factors of an account ends its pending challenges, and no others', async (t) => {
    const [accountId, other] = [newAccountId(), newAccountId()]
    const tokens = await parallel(3, () => openChallenge(ephemeral(), accountId))
    const untouched = await openChallenge(ephemeral(), other)
    await ephemeral().challenges.endAll(accountId)
    for (const token of tokens) {
      t.equal(await ephemeral().challenges.find(token, NOW_MS), null)
      t.same(await take(token), { kind: 'unknown' })
      t.equal(await ephemeral().challenges.pass(token, sessionOf(accountId), 0, NOW_MS), null)
    }
    t.ok(await ephemeral().challenges.find(untouched, NOW_MS))
    t.match(await take(await openChallenge(ephemeral(), accountId)), { kind: 'taken' })
  })

  t.test('a limit that was lowered holds at once', async (t) => {
    const accountId = newAccountId()
    const token = await openChallenge(ephemeral(), accountId)
    await parallel(3, () => take(token))
    const next = await openChallenge(ephemeral(), accountId)
    const lower = { maxFailedAttempts: 3, lockoutSeconds: 60 }
    t.match(await take(next, 'totp:6', NOW_MS, lower), { kind: 'locked', untilMs: NOW_MS + 60_000 })
    t.match(await take(next, 'totp:6', NOW_MS + 60_000, lower), { kind: 'taken', remaining: 2 })
  })
}
