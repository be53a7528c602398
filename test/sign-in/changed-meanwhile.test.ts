// docs/security.md 39: what changes while a sign-in waits for its hash, or between its statement and its session,
// ends that sign-in.
import t from 'tap'
import { changeAccount } from '../../src/administration/accounts/change-account.ts'
import { systemOrigin } from '../../src/audit/event.ts'
import { setPassword } from '../../src/passwords/set-password.ts'
import { type Answer, openTestApp, PASSWORD, type TestAccount, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { begin, confirm } from '../support/enrollment.ts'

const NEXT = 'quod erat demonstrandum'
const THIEVES = 8
const ROUNDS = 20

const skip = onBothEngines()

type Hold = { arrived: Promise<void>; release: () => void }

/** Holds the first `count` calls, before or after they have run, until they are released. */
const hold = <Args extends unknown[], Result>(
  original: (...args: Args) => Promise<Result>,
  put: (method: (...args: Args) => Promise<Result>) => void,
  { count, when }: { count: number; when: 'before' | 'after' },
): Hold => {
  const { promise: arrived, resolve: allArrived } = Promise.withResolvers<void>()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  let calls = 0
  const wait = async () => {
    if (calls === count) allArrived()
    await released
  }
  put(async (...args) => {
    calls += 1
    if (calls > count) return original(...args)
    if (when === 'before') await wait()
    const result = await original(...args)
    if (when === 'after') await wait()
    return result
  })
  return {
    arrived,
    release: () => {
      put(original)
      release()
    },
  }
}

const many = (postern: TestApp, account: TestAccount): Promise<Answer>[] =>
  Array.from({ length: THIEVES }, () => postern.logIn(account))

const origin = (postern: TestApp) => systemOrigin(postern.now())

const liveOf = async (postern: TestApp, answers: Answer[]): Promise<Answer[]> => {
  const tried = answers.map(async (answer) => {
    const bearer: string = answer.body.access_token ?? answer.body.enrollment_token ?? ''
    const { status } = await postern.request('GET', '/v1/me/authenticators', { bearer })
    return status === 200 ? [answer] : []
  })
  return (await Promise.all(tried)).flat()
}

type Case = {
  change: string
  /** The account that signs in, and what is changed of it meanwhile. */
  prepare: (postern: TestApp) => Promise<{ account: TestAccount; run: () => Promise<unknown> }>
  /** What the sign-ins may be answered with. */
  answers: RegExp
}

/** Asks again where a busy machine has no room for one more hash. */
const insist = async (ask: () => Promise<Answer>): Promise<Answer> => {
  for (;;) {
    const answer = await ask()
    if (answer.status !== 503) return answer
  }
}

const changeOwn = async (postern: TestApp, account: TestAccount, bearer: string) => {
  const body = { current_password: account.password, new_password: NEXT, keep_other_sessions: false }
  const change = () => postern.request('PUT', '/v1/me/password', { bearer, body })
  const { status, text } = await insist(change)
  if (status !== 204) throw new Error(text)
}

const CASES: Case[] = [
  {
    change: 'the owner changes the password',
    async prepare(postern) {
      const account = await postern.createAccount()
      const { access_token: bearer } = await postern.signIn(account)
      return { account, run: () => changeOwn(postern, account, bearer) }
    },
    answers: /^(invalid_credentials|conflict)$/,
  },
  {
    change: 'the owner of a second factor changes the password',
    async prepare(postern) {
      const account = await postern.createAccount()
      const totp = await postern.enrollTotp(account)
      const { access_token: bearer } = await postern.signIn(account, totp)
      return { account, run: () => changeOwn(postern, account, bearer) }
    },
    answers: /^(invalid_credentials|conflict)$/,
  },
  {
    change: 'the password of an account that has yet to enroll is set',
    async prepare(postern) {
      const account = await postern.createAccount({ roles: ['admin'] })
      return { account, run: () => setPassword(postern.deps, origin(postern), account.id, NEXT) }
    },
    answers: /^(invalid_credentials|conflict)$/,
  },
  {
    change: 'the command line sets the password',
    async prepare(postern) {
      const account = await postern.createAccount()
      return { account, run: () => setPassword(postern.deps, origin(postern), account.id, NEXT) }
    },
    answers: /^(invalid_credentials|conflict)$/,
  },
  {
    change: 'a second factor becomes active',
    async prepare(postern) {
      const account = await postern.createAccount()
      const { access_token: bearer } = await postern.signIn(account)
      const begun = await begin(postern, bearer)
      return { account, run: () => confirm(postern, bearer, begun.id, begun.code()) }
    },
    answers: /^(challenge_required|conflict)$/,
  },
  {
    change: 'the account is disabled',
    async prepare(postern) {
      const account = await postern.createAccount()
      const run = () => changeAccount(postern.deps, origin(postern), account.id, { status: 'disabled' })
      return { account, run }
    },
    answers: /^(account_disabled|conflict)$/,
  },
  {
    change: 'a role is given that requires a second factor',
    async prepare(postern) {
      const account = await postern.createAccount()
      const run = () => changeAccount(postern.deps, origin(postern), account.id, { roles: ['admin'] })
      return { account, run }
    },
    answers: /^(enrollment_required|conflict)$/,
  },
]

const outcomeOf = ({ body }: Answer): string => body.error ?? body.status

t.test('what changes while a sign-in is under way ends it', { skip }, async (t) => {
  const postern = await openTestApp(t)

  for (const { change, prepare, answers: expected } of CASES) {
    t.test(`while eight sign-ins wait for their hash: ${change}`, async (t) => {
      const { account, run } = await prepare(postern)
      const { passwords } = postern.deps
      const put = (verify: typeof passwords.verify) => {
        passwords.verify = verify
      }
      const held = hold(passwords.verify, put, { count: THIEVES, when: 'after' })
      const signingIn = many(postern, account)
      await held.arrived
      await run()
      held.release()
      const answers = await Promise.all(signingIn)
      for (const answer of answers) {
        if (answer.status !== 503) t.match(outcomeOf(answer), expected)
      }
      if (!expected.test('enrollment_required')) t.same(await liveOf(postern, answers), [])
    })
  }

  t.test('a second factor becomes active between the statement and the session', async (t) => {
    const account = await postern.createAccount()
    const { access_token: bearer } = await postern.signIn(account)
    const begun = await begin(postern, bearer)
    const { sessions } = postern.deps.ephemeral
    const put = (open: typeof sessions.open) => {
      sessions.open = open
    }
    const held = hold(sessions.open, put, { count: 1, when: 'before' })
    const signingIn = postern.logIn(account)
    await held.arrived
    // Sessions that are kept are those that were open before.
    const body = { code: begun.code(), keep_other_sessions: true }
    const confirmed = await postern.request('POST', `/v1/me/authenticators/${begun.id}/confirm`, {
      bearer,
      body,
    })
    t.equal(confirmed.status, 200)
    held.release()
    t.match(await signingIn, { status: 409, body: { error: 'conflict' } })
    const [refused] = await postern.auditEvents({
      event: 'primary_authentication.failed',
      accountId: account.id,
    })
    t.match(refused, { details: { reason: 'changed_meanwhile' } })
  })

  t.test('the password changes between the statement and the challenge', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const { access_token: bearer } = await postern.signIn(account, totp)
    const { challenges } = postern.deps.ephemeral
    const put = (open: typeof challenges.open) => {
      challenges.open = open
    }
    const held = hold(challenges.open, put, { count: 1, when: 'before' })
    const signingIn = postern.logIn(account)
    await held.arrived
    await changeOwn(postern, account, bearer)
    held.release()
    t.match(await signingIn, { status: 409, body: { error: 'conflict' } })
  })

  t.test('eight thieves, twenty times: no session outlives the change of the password', async (t) => {
    await postern.setPolicy({ max_failed_passwords: 100, max_failed_passwords_per_network: 100_000 })
    let passed = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      const account = await postern.createAccount()
      const bearer: string = (await insist(() => postern.logIn(account))).body.access_token
      // Begun among the sign-ins, at another place each round.
      const before = Array.from({ length: round % THIEVES }, () => postern.logIn(account))
      const changing = changeOwn(postern, account, bearer)
      const after = Array.from({ length: THIEVES - before.length }, () => postern.logIn(account))
      await changing
      const answers = await Promise.all([...before, ...after])
      passed += answers.filter(({ status }) => status === 200).length
      t.same(await liveOf(postern, answers), [], `round ${round}`)
      t.equal((await insist(() => postern.logIn({ ...account, password: NEXT }))).status, 200, 'the owner')
      t.equal((await insist(() => postern.logIn({ ...account, password: PASSWORD }))).status, 401)
    }
    t.comment(`${passed} of ${ROUNDS * THIEVES} sign-ins came before the change`)
  })
})
