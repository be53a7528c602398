import { randomBytes, randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { newAccountToken } from '../../src/encryption/opaque-token.ts'
import type { Ephemeral } from '../../src/ephemeral/ephemeral.ts'
import { CLOCK_SKEW_SECONDS } from '../../src/policy/age.ts'
import { eventually } from '../support/eventually.ts'
import { enrollmentOf, LIMITS, NOW_MS, newAccountId, openChallenge, pushedOf, sessionOf } from './fixtures.ts'

/** Notes something by the clock of one replica; whether it still counts by the clock of any. */
type Noted = (at: { nowMs: number; lifeSeconds: number }) => Promise<(nowMs: number) => Promise<boolean>>

const uses = (ephemeral: () => Ephemeral): Record<string, Noted> => ({
  async challenge({ nowMs, lifeSeconds }) {
    const token = await openChallenge(ephemeral(), newAccountId(), { ttlSeconds: lifeSeconds, nowMs })
    return async (at) => (await ephemeral().challenges.find(token, at)) !== null
  },
  async enrollment({ nowMs, lifeSeconds }) {
    const accountId = newAccountId()
    const token = newAccountToken('enrollment', accountId, randomBytes)
    const epochs = await ephemeral().budgets.read(accountId, nowMs)
    const record = enrollmentOf(accountId)
    await ephemeral().enrollments.open(token, { record, ttlSeconds: lifeSeconds, epochs, nowMs })
    return async (at) => (await ephemeral().enrollments.find(token, at)) !== null
  },
  async 'idle session'({ nowMs, lifeSeconds }) {
    const session = sessionOf(newAccountId(), { idleSeconds: lifeSeconds })
    await ephemeral().sessions.open(session, { sessionEpoch: 0 }, nowMs)
    return async (at) => (await ephemeral().sessions.list(session.accountId, at)).length === 1
  },
  async 'session in use'({ nowMs, lifeSeconds }) {
    const session = sessionOf(newAccountId(), { absoluteAt: Math.floor(nowMs / 1000) + lifeSeconds })
    await ephemeral().sessions.open(session, { sessionEpoch: 0 }, nowMs)
    return async (at) => (await ephemeral().sessions.list(session.accountId, at)).length === 1
  },
  async 'pushed request'({ nowMs, lifeSeconds }) {
    const token = randomUUID()
    await ephemeral().pushedRequests.open(token, { record: pushedOf(), ttlSeconds: lifeSeconds, nowMs })
    return async (at) => (await ephemeral().pushedRequests.find(token, null, 0, at)) !== null
  },
  async 'name that was used'({ nowMs, lifeSeconds }) {
    const name = randomUUID()
    await ephemeral().replays.firstUse(name, lifeSeconds * 1000, nowMs)
    return async (at) => !(await ephemeral().replays.firstUse(name, 1, at))
  },
  async counter({ nowMs, lifeSeconds }) {
    const name = randomUUID()
    await ephemeral().counters.increment(name, lifeSeconds * 1000, nowMs)
    return async (at) => {
      const { count } = await ephemeral().counters.increment(name, 1, at)
      await ephemeral().counters.decrement(name, at)
      return count > 1
    }
  },
  async lock({ nowMs, lifeSeconds }) {
    const accountId = newAccountId()
    await ephemeral().budgets.take(
      accountId,
      { ...LIMITS, maxFailedAttempts: 1, lockoutSeconds: lifeSeconds },
      nowMs,
    )
    return async (at) => (await ephemeral().budgets.read(accountId, at)).lockedUntilMs !== null
  },
})

const LIFE_SECONDS = 300

/** What one replica has noted ends on every other, whatever their clocks differ by within the skew. */
export const clockContract = (t: Test, ephemeral: () => Ephemeral): void => {
  for (const [name, note] of Object.entries(uses(ephemeral))) {
    for (const seconds of [-CLOCK_SKEW_SECONDS, -1, 0, 1, CLOCK_SKEW_SECONDS]) {
      t.test(`${name}: noted ${seconds} s apart, it ends within the skew of its end`, async (t) => {
        const counts = await note({ nowMs: NOW_MS + seconds * 1000, lifeSeconds: LIFE_SECONDS })
        const early = NOW_MS + (LIFE_SECONDS - CLOCK_SKEW_SECONDS) * 1000
        t.equal(await counts(NOW_MS), true, 'at once')
        t.equal(await counts(early - 1000), true, 'not before')
        t.equal(await counts(early + 2 * CLOCK_SKEW_SECONDS * 1000), false, 'not after')
      })
    }

    // But a lock, which is kept with the account: a clock that is behind locks longer.
    if (name === 'lock') continue
    t.test(`${name}: a clock that is an hour behind does not lengthen it`, async (t) => {
      const counts = await note({ nowMs: NOW_MS, lifeSeconds: name === 'session in use' ? 1 : 0.05 })
      t.ok(await eventually(2000, async () => !(await counts(NOW_MS - 3_600_000))), 'it is gone')
    })
  }
}
