import t from 'tap'
import { CLOCK_SKEW_SECONDS, isWithin } from '../../src/policy/age.ts'

const NOW = new Date('2026-11-21T12:00:00Z')

// Seconds by which the clock that compares differs from the one that noted; what is within 60 s and within 0 s then.
const CLOCKS: [seconds: number, within60: boolean, within0: boolean][] = [
  [-3600, false, false],
  [-60, false, false],
  [-CLOCK_SKEW_SECONDS - 1, false, false],
  [-CLOCK_SKEW_SECONDS, true, false],
  [-1, true, false],
  [0, true, false],
  [1, true, false],
  [59, true, false],
  [60, false, false],
]

for (const [seconds, within60, within0] of CLOCKS) {
  t.test(`a clock ${seconds} s from the one that noted it`, async (t) => {
    const since = NOW.getTime() / 1000 - seconds
    t.equal(isWithin(60, since, NOW), within60)
    t.equal(isWithin(0, since, NOW), within0, 'nothing is within zero seconds')
    t.equal(isWithin(Number.POSITIVE_INFINITY, since, NOW), seconds >= -CLOCK_SKEW_SECONDS)
  })
}
