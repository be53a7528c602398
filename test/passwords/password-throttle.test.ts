import t from 'tap'
import {
  forgetPasswordFailures,
  type PasswordAttempt,
  settlePasswordAttempt,
  takePasswordAttempt,
} from '../../src/passwords/password-throttle.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { race } from '../support/race.ts'

const skip = onBothEngines()

type Try = { name?: string | null; account?: string | null; ip?: string | null }

/** Of an account with the same id as its name, unless said otherwise. */
const take = ({ deps, now }: TestApp, { name = 'ada', account = name, ip = '203.0.113.1' }: Try = {}) =>
  takePasswordAttempt(deps, { accountId: account, name, ip, now: now() })

const settle = ({ deps }: TestApp, attempt: PasswordAttempt, right: boolean) =>
  settlePasswordAttempt(deps, attempt, Promise.resolve(right ? 'right' : null))

const reasons = async (attempts: Promise<PasswordAttempt>[]): Promise<string[]> =>
  (await Promise.all(attempts)).map(({ admitted, throttled }) =>
    admitted ? 'admitted' : (throttled?.reason ?? 'silent'),
  )

const count = (values: string[], value: string) => values.filter((one) => one === value).length

/** Signs the account in from a network, as far as the throttle sees it. */
const know = async ({ deps, now }: TestApp, accountId: string, network: string) => {
  const nowMs = now().getTime()
  const seconds = Math.floor(nowMs / 1000)
  const epochs = await deps.ephemeral.budgets.read(accountId, nowMs)
  await deps.ephemeral.sessions.open(
    {
      sid: '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11',
      accountId,
      clientId: 'postern',
      clientRegisteredAt: seconds,
      scope: 'openid',
      authTime: seconds,
      vouched: false,
      secondFactorAt: null,
      acr: 'aal1',
      amr: ['pwd'],
      ip: network,
      userAgent: null,
      createdAt: seconds,
      idleSeconds: 60,
      absoluteAt: seconds + 60,
      browserKeyHash: null,
      grant: { familyHash: 'a', refreshHash: 'b' },
      maxSessions: 100,
      network,
      replacesSid: null,
    },
    epochs,
    nowMs,
  )
}

t.test(
  'a name has a number of wrong passwords, from any network, then one for each wait',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    await postern.setPolicy({ max_failed_passwords: 3, password_window: 60 })
    const retry = async (ip: string) => {
      const { admitted, throttled } = await take(postern, { ip })
      return [admitted, throttled && (throttled.untilMs - postern.now().getTime()) / 1000]
    }
    for (let i = 0; i < 3; i += 1) t.same(await retry(`203.0.113.${i}`), [true, null])
    postern.advance(20)
    t.same(await retry('203.0.113.99'), [false, 40])
    t.equal((await take(postern, { name: 'grace' })).admitted, true, 'another account has its own')
    postern.advance(40)
    t.same(await retry('203.0.113.4'), [true, null], 'one more')
    t.same(await retry('203.0.113.5'), [false, 120], 'and each wait is longer')
  },
)

t.test('guessing for days gets slower, whether it is fast or spread out', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const day = 86_400
  for (const [name, everySeconds] of [
    ['hurried', 300],
    ['paced', 3600],
    ['patient', 4 * 3600],
  ] as const) {
    const days: number[] = []
    for (let i = 0; i < 6; i += 1) {
      let looked = 0
      for (let second = 0; second < day; second += everySeconds) {
        if ((await take(postern, { name, ip: '198.51.100.7' })).admitted) looked += 1
        postern.advance(everySeconds)
      }
      days.push(looked)
    }
    t.ok((days.at(-1) ?? day) <= 6, `${name}: ${days} a day`)
    t.ok((days[0] ?? 0) >= (days.at(-1) ?? day))
    t.ok(days.reduce((sum, one) => sum + one) <= 75)
  }
})

t.test('a network from which the account has signed in keeps a lane of its own', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 2, password_window: 60 })
  await know(postern, 'ada', '192.0.2.1')
  for (let i = 0; i < 5; i += 1) await take(postern, { ip: `198.51.100.${i}` })
  t.equal((await take(postern, { ip: '198.51.100.9' })).admitted, false)

  const home = await take(postern, { ip: '192.0.2.1' })
  t.equal(home.admitted, true)
  t.equal(home.throttled?.reason, 'throttled_account', 'a wrong one is answered as from anywhere')
  t.equal((await take(postern, { ip: '192.0.2.1' })).admitted, true)
  t.equal((await take(postern, { ip: '192.0.2.1' })).admitted, false, 'as many as all others together')

  await know(postern, 'grace', '2001:db8:0:1::/64')
  t.not((await take(postern, { name: 'grace', ip: '2001:db8:0:1::77' })).lane, 'others')
  t.equal((await take(postern, { name: 'grace', ip: '2001:db8:0:2::77' })).lane, 'others')
})

t.test('a right password from there does not reopen the name to strangers', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 2, password_window: 60 })
  await know(postern, 'ada', '192.0.2.1')
  for (let i = 0; i < 3; i += 1) await take(postern, { ip: `198.51.100.${i}` })
  for (let i = 0; i < 2; i += 1) {
    t.equal(await settle(postern, await take(postern, { ip: '192.0.2.1' }), true), 'right')
    const { admitted, throttled } = await take(postern, { ip: '198.51.100.9' })
    t.same([admitted, throttled?.reason], [false, 'throttled_account'])
  }
})

t.test('a right password from elsewhere takes back its own try alone', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 5 })
  const stranger = (i: number) => take(postern, { ip: `198.51.100.${i}` })
  for (let i = 0; i < 3; i += 1) await stranger(i)
  t.equal(await settle(postern, await take(postern, { ip: '192.0.2.1' }), true), 'right')
  const admitted = []
  for (let i = 0; i < 3; i += 1) admitted.push((await stranger(i)).admitted)
  t.same(admitted, [true, true, false])
})

t.test('what its owner does at home shows nothing of a name that is throttled', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({
    max_failed_passwords: 3,
    max_failed_passwords_per_network: 99,
    password_window: 60,
  })
  await know(postern, 'ada', '192.0.2.1')
  const stranger = async () => {
    const { throttled } = await take(postern, { ip: '198.51.100.1' })
    return throttled && (throttled.untilMs - postern.now().getTime()) / 1000
  }
  const ownerSettles = async (right: boolean) =>
    settle(postern, await take(postern, { ip: '192.0.2.1' }), right)
  for (let i = 0; i < 3; i += 1) t.equal(await stranger(), null)
  t.equal(await stranger(), 60)
  await ownerSettles(false)
  t.equal(await ownerSettles(true), 'right')
  t.equal(await stranger(), 60, 'neither what was not counted by name is given back')

  postern.advance(24 * 3600)
  const early = await take(postern, { ip: '192.0.2.1' })
  for (let i = 0; i < 2; i += 1) t.equal(await stranger(), null)
  t.equal(await stranger(), 60)
  t.equal(await settle(postern, early, true), 'right')
  t.equal(await stranger(), 60, 'nor does a try that is given back open what another one closed')
})

t.test('a lane is stored without the address, and is one account’s alone', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await know(postern, 'ada', '192.0.2.1')
  await know(postern, 'grace', '192.0.2.1')
  const [ada, grace] = [
    await take(postern, { ip: '192.0.2.1' }),
    await take(postern, { name: 'grace', ip: '192.0.2.1' }),
  ]
  t.match(ada.lane, /^[\w-]{11}$/)
  t.not(ada.lane, grace.lane)
})

t.test('what a wrong password is answered with shows nothing of accounts', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 3, max_failed_passwords_per_network: 12 })
  await know(postern, 'account', '203.0.113.1')
  const answers = async (names: [string, string], account: string | null) => {
    const seen: unknown[] = []
    for (const turn of [0, 1, 0, 1, 0, 0, 1, 1]) {
      for (const ip of ['203.0.113.1', '198.51.100.1']) {
        const { throttled } = await take(postern, { name: names[turn] ?? '', account, ip })
        seen.push(throttled?.reason ?? null)
      }
    }
    return seen
  }
  const known = await answers(['ada', 'ada@example.org'], 'account')
  await postern.deps.ephemeral.counters.reset('password:network:203.0.113.1')
  await postern.deps.ephemeral.counters.reset('password:network:198.51.100.1')
  t.same(await answers(['nobody', 'nobody@example.org'], null), known)
})

t.test('two names of one account do not double its budget', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 4 })
  const names = ['ada', 'ada@example.org']
  const tries = Array.from({ length: 8 }, (_, i) => i)
  const seen = await reasons(
    tries.map((i) => take(postern, { name: names[i % 2] ?? '', account: 'id', ip: `198.51.100.${i}` })),
  )
  t.equal(count(seen, 'admitted'), 4)
  t.equal(count(seen, 'silent'), 4, 'the others are answered as wrong ones')
})

t.test(
  'a network, an address or an IPv6 /64, has a number of wrong passwords for all accounts',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    await postern.setPolicy({ max_failed_passwords_per_network: 2, password_window: 60 })
    const admitted = async (name: string, ip: string | null) => (await take(postern, { name, ip })).admitted

    t.equal(await admitted('a', '2001:db8:0:1::1'), true)
    t.equal(await admitted('b', '2001:db8:0:1:ffff::2'), true)
    const refused = await take(postern, { name: 'c', ip: '2001:db8:0:1::3' })
    t.match(refused, { admitted: false, throttled: { reason: 'throttled_network' } })
    t.equal(refused.throttled?.untilMs, postern.now().getTime() + 60_000)
    t.equal(await admitted('c', '2001:db8:0:2::1'), true, 'the /64 beside it')

    for (const name of ['a', 'b']) t.equal(await admitted(name, '198.51.100.1'), true)
    t.equal(await admitted('c', '::ffff:198.51.100.1'), false, 'the same IPv4 address, mapped')
    t.equal(await admitted('c', '198.51.100.2'), true)

    for (const name of ['a', 'b']) t.equal(await admitted(name, null), true)
    t.equal(await admitted('c', null), false, 'those without an address share one budget')
  },
)

t.test('wrong passwords from an office do not shut out who signs in there', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords_per_network: 20 })
  await know(postern, 'ada', '203.0.113.1')
  for (let i = 0; i < 30; i += 1) await take(postern, { name: `guessed ${i}` })
  const ada = await take(postern)
  t.match(ada, { admitted: true, throttled: { reason: 'throttled_network' } })
  t.match(await take(postern, { name: 'stranger' }), {
    admitted: false,
    throttled: { reason: 'throttled_network' },
  })
})

t.test('a throttled network cannot use up the budgets of names or accounts', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 2, max_failed_passwords_per_network: 1 })
  await take(postern, { name: 'grace' })
  for (let i = 0; i < 5; i += 1) t.match(await take(postern), { throttled: { reason: 'throttled_network' } })

  t.equal((await take(postern, { ip: '198.51.100.1' })).admitted, true)
  t.equal((await take(postern, { ip: '198.51.100.2' })).admitted, true)
  t.match(await take(postern, { ip: '198.51.100.3' }), { throttled: { reason: 'throttled_account' } })
})

t.test('of 100 parallel guesses no more than the budget are checked', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 7, max_failed_passwords_per_network: 40 })
  const reasonOf = async (attempt: Promise<PasswordAttempt>) => (await reasons([attempt]))[0] ?? ''
  const { outcomes: oneAccount } = await race(postern, 100, {
    prepare: async (run) => run,
    attempt: (run, i) => reasonOf(take(postern, { name: `ada ${run}`, ip: `198.51.${run}.${i}` })),
  })
  t.equal(count(oneAccount, 'admitted'), 7)
  t.equal(count(oneAccount, 'throttled_account'), 93)

  const { outcomes: oneNetwork } = await race(postern, 100, {
    prepare: async (run) => run,
    attempt: (run, i) => reasonOf(take(postern, { name: `${run} ${i}`, ip: `203.0.113.${run}` })),
  })
  t.equal(count(oneNetwork, 'admitted'), 40)
  t.equal(count(oneNetwork, 'throttled_network'), 60)

  const { outcomes: oneLane } = await race(postern, 100, {
    async prepare(run) {
      await know(postern, `grace ${run}`, '192.0.2.1')
      return `grace ${run}`
    },
    attempt: (name) => reasonOf(take(postern, { name, ip: '192.0.2.1' })),
  })
  t.equal(count(oneLane, 'admitted'), 7)
})

t.test(
  'a right password clears its network’s lane, and not the failures of strangers',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    await postern.setPolicy({ max_failed_passwords: 2, password_window: 60 })
    await know(postern, 'ada', '192.0.2.1')
    const home = { ip: '192.0.2.1' }
    await settle(postern, await take(postern, { ip: '198.51.100.1' }), false)
    await settle(postern, await take(postern, home), false)
    await settle(postern, await take(postern, home), true)

    t.same(await reasons([take(postern, home), take(postern, home)]), ['admitted', 'admitted'])
    t.same(
      await reasons([take(postern, { ip: '198.51.100.2' })]),
      ['throttled_account'],
      'one of the strangers, two of the owner, by the name',
    )
    await forgetPasswordFailures(postern.deps, { id: 'none', username: 'ada', email: null })
    const strangers = [take(postern, { ip: '198.51.100.2' }), take(postern, { ip: '198.51.100.3' })]
    t.same(await reasons(strangers), ['admitted', 'silent'], 'and theirs is counted still')
  },
)

t.test('an attempt that was never checked is given back to all budgets', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 2, max_failed_passwords_per_network: 2 })
  await take(postern)
  const lost = await take(postern)
  const full = Promise.reject(new Error('the queue is full'))
  await t.rejects(settlePasswordAttempt(postern.deps, lost, full), /queue/)

  t.equal((await take(postern)).admitted, true, 'the wrong one before is still counted')
  t.equal((await take(postern)).admitted, false)
})

t.test("an account's failures can be forgotten, its network's cannot", { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 1, max_failed_passwords_per_network: 2 })
  const account = { id: 'id', username: 'ada', email: 'ada@example.org' }
  const tried = (name: string) => take(postern, { name, account: 'id' })
  t.equal((await tried('ada')).admitted, true)
  await forgetPasswordFailures(postern.deps, account)
  t.equal((await tried('ada@example.org')).admitted, true)
  await forgetPasswordFailures(postern.deps, account)
  t.match(await tried('ada'), { throttled: { reason: 'throttled_network' } })
})
