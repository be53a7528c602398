import t from 'tap'
import { besideGoal } from '../../bench/goals.ts'

t.test('what misses its goal is marked, and nothing else is', async (t) => {
  t.equal(besideGoal('P1', 'floor', 0.6), '60 %, goal 60 %')
  t.equal(besideGoal('P1', 'floor', 0.59), '59 %, goal 60 % MISSED')
  t.equal(besideGoal('P2', 'before', 1 / 0.33), '33 %, goal 33 %')
  t.equal(besideGoal('P2', 'before', 1 / 0.34), '34 %, goal 33 % MISSED')
  t.equal(besideGoal('O3', 'oidc-provider', 2.5), '2.50 times, goal 2.5')
  t.equal(besideGoal('O3', 'oidc-provider', 2.48), '2.48 times, goal 2.5 MISSED')
})

t.test('what has no goal is not marked', async (t) => {
  t.equal(besideGoal('P2c', 'floor', 0.1), '10 %')
  t.equal(besideGoal('O3', 'before', 0.5), '200 %')
  t.equal(besideGoal('P2c', 'oidc-provider', 0.5), '0.50 times')
})
