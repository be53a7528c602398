import type { Test } from 'tap'
import type { Ephemeral, PasswordLimits } from '../../src/ephemeral/ephemeral.ts'
import { LOCKED_UNTIL_MS, lock, NOW_MS, newAccountId, openSession, parallel, sessionOf } from './fixtures.ts'

const GUESS_LIMITS: PasswordLimits = { limit: 4, firstWaitMs: 60_000 }
const HOUR_MS = 3_600_000

export const guessContract = (t: Test, ephemeral: () => Ephemeral): void => {
  const take = (
    subject: string,
    {
      network = null,
      othersClosedUntilMs = null,
      nowMs = NOW_MS,
    }: { network?: string | null; othersClosedUntilMs?: number | null; nowMs?: number } = {},
  ) => ephemeral().guesses.take(subject, { network, othersClosedUntilMs }, GUESS_LIMITS, nowMs)
  const closed = async (...given: Parameters<typeof take>) => (await take(...given)).closedUntilMs
  const giveBack = (subject: string, count: number, lane = 'others', closesUntilMs = NOW_MS + 60_000) =>
    ephemeral().guesses.giveBack(subject, { lane, count, closesUntilMs }, NOW_MS)

  t.test('of 50 parallel guesses no more than the limit are counted', async (t) => {
    const subject = newAccountId()
    const taken = await parallel(50, () => closed(subject))
    t.equal(taken.filter((until) => until === null).length, 4)
    t.same([...new Set(taken)].toSorted(), [NOW_MS + 60_000, null])
  })

  t.test('then there is one a wait, and every wait is longer, up to a day', async (t) => {
    const subject = newAccountId()
    let nowMs = NOW_MS
    for (let i = 0; i < 3; i += 1) t.equal(await closed(subject), null)
    const waits: number[] = []
    for (let i = 0; i < 14; i += 1) {
      t.equal(await closed(subject, { nowMs }), null)
      const until = (await closed(subject, { nowMs })) ?? 0
      waits.push((until - nowMs) / 60_000)
      nowMs = until
    }
    t.same(waits.slice(0, 6), [1, 2, 4, 8, 16, 32])
    t.ok(Math.max(...waits) <= 24 * 60)
  })

  t.test('one failure is forgiven every six hours, and a clock that is behind takes none', async (t) => {
    const subject = newAccountId()
    for (let i = 0; i < 4; i += 1) await take(subject)
    t.equal(await giveBack(subject, 0), 0)
    t.equal(await closed(subject, { nowMs: NOW_MS - HOUR_MS }), null, 'the fifth')
    t.equal(
      await ephemeral().guesses.giveBack(
        subject,
        { lane: 'others', count: 9, closesUntilMs: null },
        NOW_MS - HOUR_MS,
      ),
      5,
    )
    for (let i = 0; i < 3; i += 1) await take(subject)
    t.equal(await closed(subject, { nowMs: NOW_MS + 6 * HOUR_MS }), null)
    t.equal(await closed(subject, { nowMs: NOW_MS + 6 * HOUR_MS }), null, 'one of three is forgiven')
    t.not(await closed(subject, { nowMs: NOW_MS + 6 * HOUR_MS }), null)
    const count = { lane: 'others', count: 9, closesUntilMs: null }
    t.equal(await ephemeral().guesses.giveBack(subject, count, NOW_MS + 12 * HOUR_MS), 3)
  })

  t.test('time is forgiven in whole: what is over six hours counts towards the next', async (t) => {
    const subject = newAccountId()
    const countAt = (hours: number) =>
      ephemeral().guesses.giveBack(
        subject,
        { lane: 'others', count: 9, closesUntilMs: null },
        NOW_MS + hours * HOUR_MS,
      )
    for (let i = 0; i < 3; i += 1) await take(subject)
    await take(subject, { nowMs: NOW_MS + 11 * HOUR_MS })
    t.equal(await countAt(12), 2, 'of four, one after six hours and one after twelve')

    await take(subject)
    await take(subject, { nowMs: NOW_MS + 11 * HOUR_MS })
    t.equal(await countAt(12), 1, 'once all are forgiven, the time begins with the next')
  })

  t.test('no wait is longer than a day, also where the limit was lowered far below', async (t) => {
    const subject = newAccountId()
    const guess = (limit: number) =>
      ephemeral().guesses.take(
        subject,
        { network: null, othersClosedUntilMs: null },
        { limit, firstWaitMs: 60_000 },
        NOW_MS,
      )
    for (let i = 0; i < 30; i += 1) await guess(100)
    t.equal((await guess(4)).closedUntilMs, null)
    t.equal((await guess(4)).closedUntilMs, NOW_MS + 24 * HOUR_MS)
  })

  t.test('a network from which a session was opened has a lane of its own, and each its own', async (t) => {
    const accountId = newAccountId()
    await openSession(ephemeral(), accountId, { network: '192.0.2.1' })
    await openSession(ephemeral(), accountId, { network: '192.0.2.2' })
    await openSession(ephemeral(), accountId, { network: null })
    for (let i = 0; i < 4; i += 1) await take(accountId, { network: `198.51.100.${i}` })
    t.not(await closed(accountId, { network: '198.51.100.9' }), null)
    t.not(await closed(accountId), null, 'no address is no network')

    const lanes = new Set<string>()
    for (const network of ['192.0.2.1', '192.0.2.2']) {
      for (let i = 0; i < 4; i += 1) {
        const { lane, closedUntilMs } = await take(accountId, { network })
        t.equal(closedUntilMs, null)
        lanes.add(lane)
      }
      t.not(await closed(accountId, { network }), null)
    }
    t.equal(lanes.size, 2)
    for (const lane of lanes) t.equal(await giveBack(accountId, 9, lane), 4)
    t.equal((await take(newAccountId(), { network: '192.0.2.1' })).lane, 'others', 'of this account alone')
  })

  t.test('of more than ten networks the one unused for longest is forgotten', async (t) => {
    const accountId = newAccountId()
    const nowMs = (i: number) => NOW_MS + i * 1000
    const signIn = async (i: number, at: number) => {
      const epochs = await ephemeral().budgets.read(accountId, NOW_MS)
      await ephemeral().sessions.open(sessionOf(accountId, { network: `network ${i}` }), epochs, nowMs(at))
    }
    for (let i = 0; i < 10; i += 1) await signIn(i, i)
    await signIn(0, 10)
    await signIn(10, 11)
    const known = async (i: number) => (await take(accountId, { network: `network ${i}` })).lane !== 'others'
    t.same([await known(0), await known(1), await known(2), await known(10)], [true, false, true, true])
  })

  t.test('what is closed to all others counts nothing, and leaves the known lane open', async (t) => {
    const accountId = newAccountId()
    await openSession(ephemeral(), accountId, { network: '192.0.2.1' })
    const shut = { othersClosedUntilMs: NOW_MS + 5 }
    for (let i = 0; i < 9; i += 1) t.equal(await closed(accountId, shut), NOW_MS + 5)
    t.equal(await giveBack(accountId, 9), 0)
    t.equal(await closed(accountId, { ...shut, network: '192.0.2.1' }), null)
    t.equal(await closed(accountId, { ...shut, nowMs: NOW_MS + 5 }), null)
  })

  t.test('a guess says that it has closed the lane, and what is given back opens no other’s', async (t) => {
    const subject = newAccountId()
    const closes = []
    for (let i = 0; i < 5; i += 1) closes.push((await take(subject)).closesUntilMs)
    t.same(closes, [null, null, null, NOW_MS + 60_000, null])
    t.equal(
      await ephemeral().guesses.giveBack(subject, { lane: 'others', count: 1, closesUntilMs: null }, NOW_MS),
      1,
    )
    t.equal(await closed(subject), NOW_MS + 60_000)
    t.equal(await giveBack(subject, 1, 'others', NOW_MS + 59_999), 1)
    t.equal(await closed(subject), NOW_MS + 60_000)
    t.equal(await giveBack(subject, 1), 1)
    t.equal(await closed(subject), null)
  })

  t.test('counts are given back, never more than there are, and forgotten', async (t) => {
    const subject = newAccountId()
    t.equal(await giveBack(subject, 1), 0)
    for (let i = 0; i < 4; i += 1) await take(subject)
    t.equal(await giveBack(subject, 1), 1)
    t.equal(await closed(subject), null, 'the lane is open again')
    t.not(await closed(subject), null)
    t.equal(await giveBack(subject, 99), 4)
    await parallel(4, () => take(subject))
    await ephemeral().guesses.forget(subject)
    t.equal(await closed(subject), null)
  })

  t.test('it says how the account is, before its password is looked at', async (t) => {
    const accountId = newAccountId()
    t.same((await take(accountId)).state, { lockedUntilMs: null, sessionEpoch: 0, challengeEpoch: 0 })
    await lock(ephemeral(), accountId)
    await ephemeral().sessions.endAll(accountId, null, NOW_MS)
    await ephemeral().challenges.endAll(accountId)
    const state = { lockedUntilMs: LOCKED_UNTIL_MS, sessionEpoch: 1, challengeEpoch: 1 }
    t.same((await take(accountId)).state, state)
    t.equal((await take(accountId, { nowMs: LOCKED_UNTIL_MS })).state.lockedUntilMs, null)
  })
}
