import t from 'tap'
import { atLeastPercent, atLeastTimes, atMostPercent } from '../../bench/goals.ts'

t.test('what misses its goal is marked, and nothing else is', async (t) => {
  t.equal(atLeastPercent(0.6, 0.6), '60 %, goal 60 %')
  t.equal(atLeastPercent(0.59, 0.6), '59 %, goal 60 % MISSED')
  t.equal(atMostPercent(0.33, 1 / 3), '33 %, goal 33 %')
  t.equal(atMostPercent(0.34, 1 / 3), '34 %, goal 33 % MISSED')
  t.equal(atLeastTimes(3, 3), '3.00, goal 3')
  t.equal(atLeastTimes(2.98, 3), '2.98, goal 3 MISSED')
})
