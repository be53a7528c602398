import t from 'tap'
import { forgetPasswordFailures, takePasswordAttempt } from '../../src/passwords/password-throttle.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { race } from '../support/race.ts'

const skip = onBothEngines()

const take = ({ deps, now }: TestApp, account: string, ip: string | null = '203.0.113.1') =>
  takePasswordAttempt(deps, { account, ip, now: now() })

const kindOf = ({ kind, reason }: { kind: string; reason?: string }): string => reason ?? kind

const count = (values: string[], value: string) => values.filter((one) => one === value).length

t.test('an account has so many wrong passwords a window, from wherever they come', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 3, password_window: 60 })

  for (let i = 0; i < 3; i += 1) t.equal((await take(postern, 'ada', `203.0.113.${i}`)).kind, 'taken')
  postern.advance(20)
  t.match(await take(postern, 'ada', '203.0.113.99'), {
    kind: 'refused',
    reason: 'throttled_account',
    retryAfterSeconds: 40,
  })
  t.equal((await take(postern, 'grace', '203.0.113.1')).kind, 'taken', 'another account has its own')
  postern.advance(40)
  t.equal((await take(postern, 'ada')).kind, 'taken', 'the window has ended')
})

t.test('a network has so many, for whatever accounts: an address, or an IPv6 /64', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords_per_network: 2, password_window: 60 })

  t.equal((await take(postern, 'a', '2001:db8:0:1::1')).kind, 'taken')
  t.equal((await take(postern, 'b', '2001:db8:0:1:ffff::2')).kind, 'taken')
  t.match(await take(postern, 'c', '2001:db8:0:1::3'), {
    kind: 'refused',
    reason: 'throttled_network',
    retryAfterSeconds: 60,
  })
  t.equal((await take(postern, 'c', '2001:db8:0:2::1')).kind, 'taken', 'the /64 beside it')

  for (const account of ['a', 'b']) t.equal((await take(postern, account, '198.51.100.1')).kind, 'taken')
  t.equal((await take(postern, 'c', '::ffff:198.51.100.1')).kind, 'refused', 'the same IPv4 address, mapped')
  t.equal((await take(postern, 'c', '198.51.100.2')).kind, 'taken')

  for (const account of ['a', 'b']) t.equal((await take(postern, account, null)).kind, 'taken')
  t.equal((await take(postern, 'c', null)).kind, 'refused', 'those without an address share one budget')
})

t.test('a network that is held back cannot use up the budgets of accounts', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 2, max_failed_passwords_per_network: 1 })
  await take(postern, 'grace')
  for (let i = 0; i < 5; i += 1) t.match(await take(postern, 'ada'), { reason: 'throttled_network' })

  t.equal((await take(postern, 'ada', '198.51.100.1')).kind, 'taken')
  t.equal((await take(postern, 'ada', '198.51.100.2')).kind, 'taken')
  t.match(await take(postern, 'ada', '198.51.100.3'), { reason: 'throttled_account' })
})

t.test('of 100 parallel guesses no more than the budget are looked at', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 7, max_failed_passwords_per_network: 40 })
  const ofAccount = await race(postern, 100, {
    prepare: async (run) => run,
    attempt: (run, i) => take(postern, `ada ${run}`, `198.51.${run}.${i}`),
  })
  const oneAccount = ofAccount.outcomes.map(kindOf)
  t.equal(count(oneAccount, 'taken'), 7)
  t.equal(count(oneAccount, 'throttled_account'), 93)

  const ofNetwork = await race(postern, 100, {
    prepare: async (run) => run,
    attempt: (run, i) => take(postern, `account ${run} ${i}`, `203.0.113.${run}`),
  })
  const oneNetwork = ofNetwork.outcomes.map(kindOf)
  t.equal(count(oneNetwork, 'taken'), 40)
  t.equal(count(oneNetwork, 'throttled_network'), 60)
})

t.test(
  "a right password clears the account's failures, and of the network's its own",
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    await postern.setPolicy({ max_failed_passwords: 2, max_failed_passwords_per_network: 3 })
    await take(postern, 'ada')
    const right = await take(postern, 'ada')
    t.equal(right.kind, 'taken')
    if (right.kind === 'taken') await right.succeed()

    // One wrong one is left on the network.
    t.equal((await take(postern, 'ada')).kind, 'taken')
    t.equal((await take(postern, 'ada')).kind, 'taken')
    t.match(await take(postern, 'ada'), { reason: 'throttled_network' })
  },
)

t.test('an attempt that was never looked at is given back to both', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 2, max_failed_passwords_per_network: 2 })
  await take(postern, 'ada')
  const lost = await take(postern, 'ada')
  if (lost.kind === 'taken') await lost.giveBack()

  t.equal((await take(postern, 'ada')).kind, 'taken', 'the wrong one before is still counted')
  t.equal((await take(postern, 'ada')).kind, 'refused')
})

t.test("an account's failures can be forgotten, its network's cannot", { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 1, max_failed_passwords_per_network: 2 })
  await take(postern, 'ada')
  await forgetPasswordFailures(postern.deps, 'ada')
  t.equal((await take(postern, 'ada')).kind, 'taken')
  await forgetPasswordFailures(postern.deps, 'ada')
  t.match(await take(postern, 'ada'), { reason: 'throttled_network' })
})
