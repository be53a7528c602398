// Every sentence of `src/ephemeral/ephemeral.ts`, for whatever serves it.
import type { Test } from 'tap'
import type { ChangedTopic, Ephemeral } from '../../src/ephemeral/ephemeral.ts'
import type { NewSession } from '../../src/ephemeral/sessions.ts'
import { browserContract } from './contract-browser.ts'
import { challengeContract } from './contract-challenges.ts'
import { clockContract } from './contract-clocks.ts'
import { codeContract } from './contract-codes.ts'
import { graceContract } from './contract-grace.ts'
import { grantContract } from './contract-grants.ts'
import { guessContract } from './contract-guesses.ts'
import { pushedRequestContract, replayContract } from './contract-protocol.ts'
import { sessionContract } from './contract-sessions.ts'
import {
  enrollmentOf,
  grantPlace,
  LIMITS,
  LOCKED_UNTIL_MS,
  NOW,
  NOW_MS,
  newAccountId,
  openEnrollment,
  openSession,
  parallel,
  placeOfSession,
  presented,
  sessionOf,
} from './fixtures.ts'

const budgetContract = (t: Test, ephemeral: () => Ephemeral): void => {
  const take = (accountId: string, nowMs = NOW_MS) => ephemeral().budgets.take(accountId, LIMITS, nowMs)

  t.test('of 200 parallel callers no more than the limit are given an attempt', async (t) => {
    const accountId = newAccountId()
    const results = await parallel(200, () => take(accountId))
    t.equal(results.filter(({ kind }) => kind === 'taken').length, 5)
    t.same(await take(accountId), { kind: 'locked', untilMs: LOCKED_UNTIL_MS })
    t.match(await ephemeral().budgets.read(accountId, NOW_MS), {
      lockedUntilMs: LOCKED_UNTIL_MS,
      sessionEpoch: 0,
      challengeEpoch: 0,
    })
    t.same(await take(accountId, LOCKED_UNTIL_MS), { kind: 'taken', remaining: 4, sessionEpoch: 0 })
  })

  t.test('a counted attempt is given back, never more than were counted', async (t) => {
    const accountId = newAccountId()
    await parallel(5, () => take(accountId))
    await ephemeral().budgets.giveBack(accountId, LIMITS)
    t.match(await take(accountId), { kind: 'taken', remaining: 0 })
    await parallel(9, () => ephemeral().budgets.giveBack(accountId, LIMITS))
    t.match(await take(accountId), { kind: 'taken', remaining: 4 })
  })

  t.test('one given back leaves the lock where more are spent than a lowered limit allows', async (t) => {
    const accountId = newAccountId()
    await parallel(4, () => take(accountId))
    const lowered = { ...LIMITS, maxFailedAttempts: 2 }
    t.equal((await ephemeral().budgets.take(accountId, lowered, NOW_MS)).kind, 'locked')
    await ephemeral().budgets.giveBack(accountId, lowered)
    t.equal((await ephemeral().budgets.take(accountId, lowered, NOW_MS)).kind, 'locked', 'three are')
    await ephemeral().budgets.giveBack(accountId, lowered)
    await ephemeral().budgets.giveBack(accountId, lowered)
    t.match(await ephemeral().budgets.take(accountId, lowered, NOW_MS), { kind: 'taken', remaining: 0 })
  })

  t.test('clearing removes failures and lock, and leaves the epochs', async (t) => {
    const accountId = newAccountId()
    await ephemeral().budgets.clear(accountId)
    await ephemeral().sessions.endAll(accountId, null, NOW_MS)
    await parallel(5, () => take(accountId))
    await ephemeral().budgets.clear(accountId)
    t.match(await ephemeral().budgets.read(accountId, NOW_MS), {
      lockedUntilMs: null,
      sessionEpoch: 1,
      challengeEpoch: 0,
    })
    t.same(await take(accountId), { kind: 'taken', remaining: 4, sessionEpoch: 1 })
  })
}

const versionContract = (t: Test, ephemeral: () => Ephemeral): void => {
  const touchedVersion = async ({ accountId, sid }: NewSession, nowMs = NOW_MS) =>
    (await ephemeral().sessions.touch(grantPlace(accountId, sid), nowMs))?.accountVersion
  const renewedVersion = async (session: NewSession, secondFactorSince = 0) => {
    const next = { refreshHash: presented('first').refreshHash, secondFactorSince, ip: null, graceMs: 0 }
    const place = placeOfSession(session)
    const rotated = await ephemeral().sessions.rotateRefresh(place, presented('first'), next, NOW_MS)
    return 'session' in rotated && 'accountVersion' in rotated.session
      ? rotated.session.accountVersion
      : undefined
  }

  t.test('an account has one version until it is raised, whichever session and use asks', async (t) => {
    const accountId = newAccountId()
    const sessions = await parallel(2, () => openSession(ephemeral(), accountId))
    const versions = await parallel(20, (i) => touchedVersion(sessions[i % 2] as NewSession))
    const [one] = sessions as [NewSession]
    versions.push(await renewedVersion(one), await renewedVersion(one, NOW + 1))
    t.equal(new Set(versions).size, 1)
    t.ok(versions[0])
    const other = await openSession(ephemeral(), newAccountId())
    t.not(await touchedVersion(other), versions[0])
  })

  t.test('raised, it is another each time, also by many at once', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    const { accountId } = session
    const seen = [await touchedVersion(session)]
    for (let i = 0; i < 5; i += 1) {
      await parallel(5, () => ephemeral().versions.raise(accountId, null))
      seen.push(await touchedVersion(session))
    }
    t.equal(new Set(seen).size, 6)
    t.notOk(seen.includes(''))
  })

  t.test('while an account is being changed it has none; a later end of that stays', async (t) => {
    const session = await openSession(ephemeral(), newAccountId())
    const { accountId } = session
    const before = await touchedVersion(session)
    await ephemeral().versions.raise(accountId, NOW_MS + 20_000)
    await ephemeral().versions.raise(accountId, NOW_MS + 10_000)
    await ephemeral().versions.raise(accountId, null)
    t.equal(await touchedVersion(session), '')
    t.equal(await renewedVersion(session), '')
    t.equal(await touchedVersion(session, NOW_MS + 19_999), '')
    const after = await touchedVersion(session, NOW_MS + 20_000)
    t.ok(after)
    t.not(after, before)
    t.same(await ephemeral().budgets.read(accountId, NOW_MS), {
      lockedUntilMs: null,
      sessionEpoch: 0,
      challengeEpoch: 0,
      accountVersion: '',
    })
  })

  t.test('the state of an account says its version too', async (t) => {
    const accountId = newAccountId()
    const read = async (nowMs = NOW_MS) => (await ephemeral().budgets.read(accountId, nowMs)).accountVersion
    const version = await read()
    t.ok(version)
    t.equal(await read(), version)
    t.equal(await touchedVersion(await openSession(ephemeral(), accountId)), version)
    await ephemeral().versions.raise(accountId, NOW_MS + 20_000)
    t.same([await read(), await read(NOW_MS + 19_999)], ['', ''])
    const settled = await read(NOW_MS + 20_000)
    t.ok(settled)
    t.not(settled, version)
  })

  t.test('an account that is not known may be raised', async (t) => {
    const accountId = newAccountId()
    await ephemeral().versions.raise(accountId, null)
    t.ok(await touchedVersion(await openSession(ephemeral(), accountId)))
  })
}

const enrollmentContract = (t: Test, ephemeral: () => Ephemeral): void => {
  t.test('an enrollment is passed by exactly one caller, and opens a session', async (t) => {
    const accountId = newAccountId()
    const token = await openEnrollment(ephemeral(), accountId)
    t.same(await ephemeral().enrollments.find(token, NOW_MS), enrollmentOf(accountId))
    await ephemeral().budgets.take(accountId, LIMITS, NOW_MS)
    const won = await parallel(50, () => ephemeral().enrollments.pass(token, sessionOf(accountId), 0, NOW_MS))
    t.equal(won.filter(Boolean).length, 1)
    t.equal((await ephemeral().sessions.list(accountId, NOW_MS)).length, 1)
    t.equal(await ephemeral().enrollments.find(token, NOW_MS), null)
    t.match(
      await ephemeral().budgets.take(accountId, LIMITS, NOW_MS),
      { remaining: 4 },
      'failures are cleared',
    )
  })

  t.test('an enrollment ends: late, by a factor change, with all sessions, and for a stranger', async (t) => {
    const { enrollments, challenges, sessions } = ephemeral()
    const [accountId, stranger] = [newAccountId(), newAccountId()]
    const token = await openEnrollment(ephemeral(), accountId)
    const gone = async (nowMs = NOW_MS) =>
      (await enrollments.find(token, nowMs)) === null &&
      !(await enrollments.pass(token, sessionOf(accountId), 0, nowMs))
    t.equal(await gone(NOW_MS + 900_000), true, 'late')
    t.equal(await enrollments.pass(token, sessionOf(stranger), 0, NOW_MS), null)
    t.equal(await enrollments.find('pst_en_', NOW_MS), null)
    t.equal(await enrollments.pass(token, sessionOf(accountId), 7, NOW_MS), null)
    t.ok(await enrollments.find(token, NOW_MS), 'nothing has changed')
    await challenges.endAll(accountId)
    t.equal(await gone(), true, 'by a factor change')
    const next = await openEnrollment(ephemeral(), accountId)
    await sessions.endAll(accountId, null, NOW_MS)
    t.equal(await enrollments.find(next, NOW_MS), null, 'with all sessions')
    t.same(await sessions.list(accountId, NOW_MS), [])
  })
}

const counterContract = (t: Test, ephemeral: () => Ephemeral): void => {
  t.test('a counter counts within its window, which the first count begins', async (t) => {
    const { counters } = ephemeral()
    const name = `password:${newAccountId()}`
    const counts = await parallel(50, () => counters.increment(name, 60_000, NOW_MS))
    t.same(
      counts.map(({ count }) => count).toSorted((a, b) => a - b),
      Array.from({ length: 50 }, (_, i) => i + 1),
    )
    t.same(await counters.increment(name, 60_000, NOW_MS + 59_999), { count: 51, resetsInMs: 1 })
    t.same(await counters.increment(name, 60_000, NOW_MS + 60_000), { count: 1, resetsInMs: 60_000 })
  })

  t.test('a count is taken back, never below zero and only within its window', async (t) => {
    const { counters } = ephemeral()
    const name = `network:${newAccountId()}`
    await counters.decrement(name, NOW_MS)
    await counters.increment(name, 60_000, NOW_MS)
    await counters.increment(name, 60_000, NOW_MS)
    await counters.decrement(name, NOW_MS)
    t.equal((await counters.increment(name, 60_000, NOW_MS)).count, 2)
    await parallel(5, () => counters.decrement(name, NOW_MS))
    t.equal((await counters.increment(name, 60_000, NOW_MS)).count, 1)
    await counters.decrement(name, NOW_MS + 60_000)
    t.equal((await counters.increment(name, 60_000, NOW_MS)).count, 2)
    await counters.reset(name)
    t.same(await counters.increment(name, 1000, NOW_MS), { count: 1, resetsInMs: 1000 })
  })
}

/** The next topic that is heard, besides `reconnected`. */
export const nextTopic = (ephemeral: Ephemeral): Promise<ChangedTopic> =>
  new Promise((resolve) => ephemeral.changes.subscribe(resolve))

export const ephemeralContract = (t: Test, open: () => Promise<Ephemeral>): void => {
  let opened: Ephemeral
  const ephemeral = () => opened
  t.before(async () => {
    opened = await open()
  })
  t.teardown(() => opened.close())

  challengeContract(t, ephemeral)
  budgetContract(t, ephemeral)
  versionContract(t, ephemeral)
  enrollmentContract(t, ephemeral)
  sessionContract(t, ephemeral)
  grantContract(t, ephemeral)
  browserContract(t, ephemeral)
  graceContract(t, ephemeral)
  codeContract(t, ephemeral)
  guessContract(t, ephemeral)
  counterContract(t, ephemeral)
  pushedRequestContract(t, ephemeral)
  replayContract(t, ephemeral)
  clockContract(t, ephemeral)

  t.test('listeners are called for the publications of their own process', async (t) => {
    const heard = [nextTopic(ephemeral()), nextTopic(ephemeral())]
    await ephemeral().changes.publish('signing_keys')
    t.same(await Promise.all(heard), ['signing_keys', 'signing_keys'])
  })

  t.test('it answers that it is there', async () => {
    await ephemeral().ping()
  })
}
