// Accounts are changed at one replica while another one is asked without a pause. Whatever is begun after a change was
// answered shows it; what is begun before shows it or not, and never something older than a request before it was shown.
import t, { type Test } from 'tap'
import { changingAccount } from '../../src/accounts/change-under-version.ts'
import { changeAccountRow } from '../../src/accounts/changes-store.ts'
import { accountChanged } from '../../src/audit/account-events.ts'
import { systemOrigin } from '../../src/audit/event.ts'
import { lowerEnrolled, raiseEnrolled } from '../../src/authenticators/enrolled-count-store.ts'
import { signInAdministrator } from '../support/administrator.ts'
import type { TestApp } from '../support/app.ts'
import { openReplicas } from '../support/replicas.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

/** Longer than an account that was changed is read without being kept. */
const SETTLED_SECONDS = 21
const CHANGES = 20

/** Asks `there` without a pause, by several callers at once, and checks each answer against what was in force. */
const underFire = async <Shown>(
  t: Test,
  [here, there]: [TestApp, TestApp],
  {
    change,
    ask,
    shown,
  }: {
    /** Makes the change of that number; it has been answered when it returns. */
    change: (number: number) => Promise<void>
    /** One caller's next request. */
    ask: (caller: number) => Promise<Shown>
    /** The number of the change that an answer shows. */
    shown: (answer: Shown) => number
  },
): Promise<void> => {
  let begun = 0
  let answered = 0
  let asked = 0
  let going = true
  const early: string[] = []
  const caller = async (number: number): Promise<void> => {
    while (going && early.length === 0) {
      await new Promise(setImmediate)
      const inForce = answered
      const seen = shown(await ask(number))
      asked += 1
      if (seen < inForce || seen > begun) early.push(`${seen} where ${inForce} was in force`)
    }
  }
  const callers = Promise.all([0, 1, 2, 3].map(caller))
  const untilAsked = async (more: number) => {
    for (const enough = asked + more; asked < enough && early.length === 0; ) await new Promise(setImmediate)
  }
  for (let number = 1; number <= CHANGES; number += 1) {
    // From here on the account is kept there again.
    for (const replica of [here, there]) replica.advance(SETTLED_SECONDS)
    await untilAsked(8)
    begun = number
    await change(number)
    answered = number
    await untilAsked(8)
  }
  going = false
  await callers
  t.same(early, [], `of ${asked} answers`)
}

const claimsOf = (accessToken: string) =>
  JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString('utf8'))

t.test('two replicas', { skip }, async (t) => {
  const replicas = await openReplicas(t)
  const [here, there] = replicas
  there.advance((here.now().getTime() - there.now().getTime()) / 1000)
  for (const replica of replicas) {
    replica.advance(SETTLED_SECONDS)
    await replica.setPolicy({ second_factor_max_age: 86_400 })
  }
  const patch = async (bearer: string, id: string, body: object) => {
    const answer = await here.request('PATCH', `/v1/admin/accounts/${id}`, { bearer, body })
    if (answer.status !== 200) throw new Error(answer.text)
  }
  const me = (bearer: string) => there.request('GET', '/v1/me', { bearer })
  const accounts = async () => {
    const administrator = await signInAdministrator(here)
    there.advance(30)
    const account = await here.createAccount()
    return { administrator, account, tokens: await here.signIn(account) }
  }

  t.test('names, as session checks show them', async (t) => {
    const { administrator, account, tokens } = await accounts()
    await underFire(t, replicas, {
      change: (number) => patch(administrator.bearer, account.id, { display_name: `Name ${number}` }),
      ask: () => me(tokens.access_token),
      shown: ({ body }) => Number(/\d+$/.exec(body.display_name ?? '0')?.[0]),
    })
  })

  t.test('roles, as renewed tokens show them', async (t) => {
    const { administrator, account, tokens } = await accounts()
    const refreshTokens = [tokens.refresh_token]
    while (refreshTokens.length < 4) refreshTokens.push((await here.signIn(account)).refresh_token)
    await underFire(t, replicas, {
      change: (number) => patch(administrator.bearer, account.id, { roles: ['user', `role${number}`] }),
      async ask(caller) {
        const refresh_token = refreshTokens[caller] ?? ''
        const form = { grant_type: 'refresh_token', refresh_token, client_id: 'postern' }
        const answer = await there.request('POST', '/oauth2/token', { form })
        refreshTokens[caller] = answer.body.refresh_token
        return answer
      },
      shown: ({ body }) => Number(/\d+$/.exec(claimsOf(body.access_token).roles.at(-1))?.[0] ?? 0),
    })
  })

  /** For what each change turns on or off: `isOn` is what a caller is shown, on before the first change. */
  const toggled = (make: (isOn: boolean) => Promise<unknown>, isOn: () => Promise<boolean>) => {
    let made = 0
    return {
      async change(number: number) {
        await make(number % 2 === 0)
        made = number
      },
      async ask() {
        const before = made
        // As a number: the change in force at the beginning, or else the next one.
        return (await isOn()) === (before % 2 === 0) ? before : before + 1
      },
      shown: (number: number) => number,
    }
  }

  t.test('the status alone, with sessions that stay', async (t) => {
    const { account, tokens } = await accounts()
    const { deps, now } = here
    // The administrators' route ends all sessions as well.
    const set = (status: 'active' | 'disabled') => {
      const event = accountChanged(systemOrigin(now()), { accountId: account.id, changed: { status } })
      const change = { accountId: account.id, changes: { status }, now: now() }
      return changingAccount(deps, account.id, (postgres) => changeAccountRow({ postgres }, change, event))
    }
    const make = (isOn: boolean) => set(isOn ? 'active' : 'disabled')
    const isOn = async () => (await me(tokens.access_token)).status === 200
    await underFire(t, replicas, toggled(make, isOn))
  })

  t.test('an administrator’s role, as the guard of administration asks for it', async (t) => {
    const { administrator } = await accounts()
    const other = await signInAdministrator(here)
    there.advance(30)
    const make = (isOn: boolean) =>
      patch(administrator.bearer, other.accountId, { roles: [isOn ? 'admin' : 'user'] })
    const isOn = async () =>
      (await there.request('GET', '/v1/admin/policy', { bearer: other.bearer })).status === 200
    await underFire(t, replicas, toggled(make, isOn))
  })

  t.test('the second factor, as session checks show it', async (t) => {
    const { account, tokens } = await accounts()
    const make = (isOn: boolean) =>
      changingAccount(here.deps, account.id, (postgres) =>
        isOn
          ? lowerEnrolled({ postgres }, account.id, { keep: 0 })
          : raiseEnrolled({ postgres }, account.id, { below: 10 }),
      )
    const isOn = async () => (await me(tokens.access_token)).body.second_factor.enabled === false
    await underFire(t, replicas, toggled(make, isOn))
  })
})
