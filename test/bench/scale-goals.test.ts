import t from 'tap'
import { missesOf } from '../../bench/scale-goals.ts'

const SIZES = [10_000, 100_000, 1_000_000]
const GOAL = { limitMs: 50, toleranceMs: 5 }

const HELD: [what: string, medianMs: number[]][] = [
  ['as fast at every size', [3, 3, 3]],
  ['by the logarithm', [20, 25, 30]],
  ['within the tolerance', [3, 6, 9.4]],
  ['faster with more', [12, 8, 4]],
  ['at the limit', [50, 50, 50]],
]

const MISSED: [what: string, medianMs: number[], misses: string[]][] = [
  ['above the limit', [40, 45, 51], ['a list, 1000000 accounts: 51.0 ms, of 50 at most']],
  ['linear', [1, 2, 11], ['a list, 1000000 accounts: 11.0 ms, of 6.5 by the logarithm']],
  [
    'both',
    [2, 60, 3],
    [
      'a list, 100000 accounts: 60.0 ms, of 50 at most',
      'a list, 100000 accounts: 60.0 ms, of 7.5 by the logarithm',
    ],
  ],
]

t.test('a case that grows with the logarithm and stays under the limit has missed nothing', async (t) => {
  for (const [what, medianMs] of HELD) t.same(missesOf(SIZES, { name: 'a list', medianMs }, GOAL), [], what)
})

t.test('a case that is too slow, or grows faster, is named with its size and its time', async (t) => {
  for (const [what, medianMs, misses] of MISSED) {
    t.same(missesOf(SIZES, { name: 'a list', medianMs }, GOAL), misses, what)
  }
})
