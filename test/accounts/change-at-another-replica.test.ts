// Every use case that changes what replicas keep of an account: it is in force at once at the replica that keeps it.
import t from 'tap'
import type { AccountWithFactors } from '../../src/accounts/details.ts'
import { signInAdministrator } from '../support/administrator.ts'
import type { Answer, TestAccount, TestApp, TestTotp } from '../support/app.ts'
import { testOnServers } from '../support/embedded.ts'
import { begin, confirm, wrongCode } from '../support/enrollment.ts'
import { openReplicas } from '../support/replicas.ts'
import { watchStatements } from '../support/watch-statements.ts'

/** Longer than an account that was changed is read without being kept. */
const SETTLED_SECONDS = 30

const SUBJECT = 'ada'

/** An account of Postern's own with an authenticator and recovery codes, signed in with both factors. */
type Owner = { account: TestAccount; totp: TestTotp; bearer: string; codes: string[] }

type UseCase = {
  name: string
  shown: (found: AccountWithFactors | null) => unknown
  before: unknown
  after: unknown
  /** Changes the account; `administer` asks for it as an administrator. */
  change: (
    here: TestApp,
    owner: Owner,
    administer: (method: 'PATCH' | 'POST' | 'DELETE', path?: string, body?: object) => Promise<Answer>,
  ) => Promise<Answer>
  status: number
}

const COUNT_TO_99 = {
  name: 'test_count_to_99',
  text: 'UPDATE authenticators SET consecutive_failures = 99 WHERE account_id = $1',
}

const answer = async (here: TestApp, { account }: Owner, method: string, code: string) => {
  const { challenge_token } = (await here.logIn(account)).body
  return here.request('POST', '/v1/challenges/verify', { body: { challenge_token, method, code } })
}

const own = (
  here: TestApp,
  { bearer }: Owner,
  method: 'PATCH' | 'POST' | 'DELETE',
  path: string,
  body?: object,
) => here.request(method, `/v1/me${path}`, { bearer, ...(body && { body }) })

const name = (found: AccountWithFactors | null) => found?.account.displayName
const codes = (found: AccountWithFactors | null) => found?.recoveryCodesRemaining
const factors = (found: AccountWithFactors | null) => [
  found?.account.enrolledAuthenticators,
  found?.totp.length,
]

const USE_CASES: UseCase[] = [
  {
    name: 'a recovery code is used',
    shown: codes,
    before: 10,
    after: 9,
    change: (here, owner) => answer(here, owner, 'recovery_code', owner.codes[0] ?? ''),
    status: 200,
  },
  {
    name: 'one wrong code too many disables an authenticator',
    shown: factors,
    before: [1, 1],
    after: [1, 0],
    async change(here, owner) {
      await here.deps.postgres.query(COUNT_TO_99, [owner.account.id])
      return answer(here, owner, 'totp', wrongCode(owner.totp, here.now()))
    },
    status: 401,
  },
  {
    name: 'the account is deleted',
    shown: (found) => found === null,
    before: false,
    after: true,
    change: (_here, _owner, administer) => administer('DELETE'),
    status: 204,
  },
  {
    name: 'the owner changes the display name',
    shown: name,
    before: null,
    after: 'Ada',
    change: (here, owner) => own(here, owner, 'PATCH', '', { display_name: 'Ada' }),
    status: 200,
  },
  {
    name: 'an administrator changes the display name',
    shown: name,
    before: null,
    after: 'Ada',
    change: (_here, _owner, administer) => administer('PATCH', '', { display_name: 'Ada' }),
    status: 200,
  },
  {
    name: 'an administrator changes the roles',
    shown: (found) => found?.account.roles,
    before: ['user'],
    after: ['teacher'],
    change: (_here, _owner, administer) => administer('PATCH', '', { roles: ['teacher'] }),
    status: 200,
  },
  {
    name: 'an administrator disables the account',
    shown: (found) => found?.account.status,
    before: 'active',
    after: 'disabled',
    change: (_here, _owner, administer) => administer('PATCH', '', { status: 'disabled' }),
    status: 200,
  },
  {
    name: 'another authenticator is confirmed',
    shown: factors,
    before: [1, 1],
    after: [2, 2],
    async change(here, { bearer }) {
      const begun = await begin(here, bearer)
      return confirm(here, bearer, begun.id, begun.code())
    },
    status: 200,
  },
  {
    name: 'the authenticator is removed',
    shown: factors,
    before: [1, 1],
    after: [0, 0],
    change: (here, owner) => own(here, owner, 'DELETE', `/authenticators/${owner.totp.authenticatorId}`),
    status: 204,
  },
  {
    name: 'the recovery codes are made anew',
    shown: codes,
    before: 10,
    after: 7,
    async change(here, owner) {
      await here.setPolicy({ recovery_code_count: 7 })
      const answered = await own(here, owner, 'POST', '/recovery-codes')
      await here.setPolicy({ recovery_code_count: 10 })
      return answered
    },
    status: 201,
  },
  {
    name: 'the owner disables the second factor',
    shown: factors,
    before: [1, 1],
    after: [0, 0],
    change: (here, owner) =>
      own(here, owner, 'POST', '/second-factor/disable', {
        password: owner.account.password,
        method: 'totp',
        code: owner.totp.code(),
      }),
    status: 204,
  },
  {
    name: 'an administrator resets the second factor',
    shown: factors,
    before: [1, 1],
    after: [0, 0],
    change: (_here, _owner, administer) => administer('POST', '/reset-second-factor'),
    status: 204,
  },
]

/** As whoever has just been answered the account's version reads it. */
const readAt = async ({ deps, now }: TestApp, accountId: string) => {
  const { accountVersion } = await deps.ephemeral.budgets.read(accountId, now().getTime())
  return deps.accounts.find(accountId, accountVersion)
}

testOnServers(
  t,
  'a change at one replica is in force at once at another that keeps the account',
  async (t) => {
    const [here, there] = await openReplicas(t)
    const statements = watchStatements(there)
    const settle = () => {
      here.advance(SETTLED_SECONDS)
      there.advance((here.now().getTime() - there.now().getTime()) / 1000)
    }
    const untilKept = async (accountId: string) => {
      settle()
      await readAt(there, accountId)
      statements.take()
      const found = await readAt(there, accountId)
      if (statements.take().length > 0) throw new Error('it is not kept')
      return found
    }

    for (const { name, shown, before, after, change, status } of USE_CASES) {
      t.test(name, async (t) => {
        const account = await here.createAccount()
        const totp = await here.enrollTotp(account)
        const { access_token: bearer } = await here.signIn(account, totp)
        const made = await here.request('POST', '/v1/me/recovery-codes', { bearer })
        const owner = { account, totp, bearer, codes: made.body.recovery_codes }
        const administrator = await signInAdministrator(here)
        t.same(shown(await untilKept(account.id)), before)
        const answered = await change(here, owner, (method, path = '', body) =>
          here.request(method, `/v1/admin/accounts/${account.id}${path}`, {
            bearer: administrator.bearer,
            ...(body && { body }),
          }),
        )
        t.equal(answered.status, status, answered.text)
        t.same(shown(await readAt(there, account.id)), after, 'at once')
        settle()
        t.same(shown(await readAt(there, account.id)), after, 'and from then on')
      })
    }

    t.test('the client reports something else of its subject', async (t) => {
      const client = await here.createClient({ scopes: ['challenges', 'openid'] })
      const report = (displayName: string) =>
        here.request('POST', '/v1/challenges', {
          basic: client,
          body: { subject: SUBJECT, display_name: displayName },
        })
      const { sub } = (await report('Ada')).body
      t.equal((await untilKept(sub))?.account.displayName, 'Ada')
      t.equal((await report('Countess Ada')).status, 200)
      t.equal((await readAt(there, sub))?.account.displayName, 'Countess Ada', 'at once')
      settle()
      t.equal((await readAt(there, sub))?.account.displayName, 'Countess Ada', 'and from then on')
    })

    t.test('authenticators come and go, to who is about to do without', async (t) => {
      const account = await here.createAccount()
      const totp = await here.enrollTotp(account)
      const { access_token: bearer } = await here.signIn(account, totp)
      const disable = (code: string) =>
        there.request('POST', '/v1/me/second-factor/disable', {
          bearer,
          body: { password: account.password, method: 'totp', code },
        })
      settle()
      t.equal((await disable(wrongCode(totp, there.now()))).body.error, 'invalid_code')
      const begun = await begin(here, bearer)
      t.equal((await confirm(here, bearer, begun.id, begun.code())).status, 200)
      const removed = await here.request('DELETE', `/v1/me/authenticators/${totp.authenticatorId}`, {
        bearer,
      })
      t.equal(removed.status, 204, removed.text)
      settle()
      t.equal((await disable(totp.code())).body.error, 'invalid_code', 'the one that is gone')
      const refusals = await here.auditEvents({ accountId: account.id, event: 'code.refused' })
      t.same(
        refusals.map(({ details }) => details.reason),
        ['wrong_code', 'wrong_code'],
      )
      const done = await disable(begun.code())
      t.equal(done.status, 204, `${done.text} the one that has come`)
    })

    t.test('the first authenticator is confirmed', async (t) => {
      const account = await here.createAccount()
      const { access_token: bearer } = await here.signIn(account)
      const begun = await begin(here, bearer)
      t.same(factors(await untilKept(account.id)), [0, 0])
      const confirmed = await confirm(here, bearer, begun.id, begun.code())
      t.equal(confirmed.status, 200, confirmed.text)
      t.same(factors(await readAt(there, account.id)), [1, 1])
    })
  },
)
