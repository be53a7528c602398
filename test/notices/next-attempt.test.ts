import t from 'tap'
import { nextAttempt } from '../../src/notices/next-attempt.ts'
import { PATIENCE } from '../../src/notices/start-sender.ts'

const createdAt = new Date('2026-11-21T12:00:00Z')
const after = (ms: number) => new Date(createdAt.getTime() + ms)
const DAY = 24 * 3_600_000

t.test(
  'each wait is twice as long as the one before, up to an hour, less up to a half by chance',
  async (t) => {
    for (const [attempts, random, wait] of [
      [1, 0, 1_000],
      [2, 0, 2_000],
      [3, 1, 2_000],
      [8, 0, 128_000],
      [12, 0, 2_048_000],
      [13, 0, 3_600_000],
      [2_000, 0.5, 2_700_000],
    ] as const)
      t.same(
        nextAttempt({ createdAt, attempts }, after(60_000), random, PATIENCE),
        after(60_000 + wait),
        `${attempts}`,
      )
  },
)

t.test('the last attempt is a day after the end of the session', async (t) => {
  t.same(nextAttempt({ createdAt, attempts: 30 }, after(DAY - 1_000), 0, PATIENCE), after(DAY))
  t.equal(nextAttempt({ createdAt, attempts: 31 }, after(DAY), 0, PATIENCE), null)
  t.equal(nextAttempt({ createdAt, attempts: 1 }, after(DAY + 1), 0, PATIENCE), null)
})
