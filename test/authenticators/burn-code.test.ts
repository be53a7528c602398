import t from 'tap'
import { openTestApp, type TestAccount, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { begin, storedFactors, wrongCode } from '../support/enrollment.ts'
import { holdStatement } from '../support/hold-statement.ts'

const skip = onBothEngines()

const METHODS = ['totp', 'recovery_code'] as const
type Method = (typeof METHODS)[number]

const BURN = /SET last_time_step|SET used_at/
const DISABLE = { name: 'test_disable', text: `UPDATE accounts SET status = 'disabled' WHERE id = $1` }
const LAST_LOGIN = { name: 'test_last_login', text: 'SELECT last_login_at FROM accounts WHERE id = $1' }

/** An account with an authenticator and recovery codes, and what it can do with one of them. */
const enrolled = async (postern: TestApp) => {
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const { access_token: bearer } = await postern.signIn(account, totp)
  const generated = await postern.request('POST', '/v1/me/recovery-codes', { bearer })
  const [recoveryCode = '', otherCode = ''] = generated.body.recovery_codes
  // A step later, because signing in has used up the code of this one.
  postern.advance(30)
  return {
    account,
    bearer,
    right: { totp: totp.code(), recovery_code: recoveryCode },
    wrong: {
      totp: wrongCode(totp, postern.now()),
      recovery_code: otherCode.replace(/.$/, (last: string) => (last === '0' ? '1' : '0')),
    },
  }
}

const answerOne = async (postern: TestApp, account: TestAccount, method: Method, code: string) => {
  const { challenge_token: challengeToken } = (await postern.logIn(account)).body
  const body = { challenge_token: challengeToken, method, code }
  return postern.request('POST', '/v1/challenges/verify', { body })
}

/** All that a sign-in changes: factors, sessions, the last sign-in. */
const stored = async (postern: TestApp, { id }: TestAccount) => ({
  factors: await storedFactors(postern, { id }),
  sessions: await postern.deps.ephemeral.sessions.list(id, postern.now().getTime()),
  lastLogin: await postern.deps.postgres.query(LAST_LOGIN, [id]),
})

t.test('burning a code', { skip }, async (t) => {
  const postern = await openTestApp(t)

  for (const method of METHODS) {
    t.test(
      `${method}: an account that is disabled while its code is looked at does not get in`,
      async (t) => {
        const { account, right } = await enrolled(postern)
        const slow = holdStatement(postern, 'question', BURN)
        const before = await stored(postern, account)
        const answer = answerOne(postern, account, method, right[method])
        await slow.reached
        await postern.deps.postgres.query(DISABLE, [account.id])
        slow.release()
        const refused = await answer
        t.notOk(refused.status < 400, refused.text)
        t.same(await stored(postern, account), before, 'the code is not burned, and no session is open')
        const passed = await postern.auditEvents({ accountId: account.id, event: 'challenge.passed' })
        t.equal(passed.length, 1, 'the sign-in before')
      },
    )

    t.test(
      `${method}: a code that is used again changes nothing but the attempts that are left`,
      async (t) => {
        const { account, right, wrong } = await enrolled(postern)
        t.equal((await answerOne(postern, account, method, right[method])).status, 200)
        t.match(await answerOne(postern, account, method, wrong[method]), { body: { attempts_remaining: 4 } })
        const before = await stored(postern, account)
        t.equal(before.sessions.length, 2)
        postern.advance(1)

        const replayed = await answerOne(postern, account, method, right[method])
        t.match(replayed, { status: 401, body: { error: 'invalid_code', attempts_remaining: 3 } })
        t.same(await stored(postern, account), before)
        t.match(await answerOne(postern, account, method, wrong[method]), { body: { attempts_remaining: 2 } })
      },
    )
  }

  t.test('a code of an authenticator that is no longer active by then is not burned', async (t) => {
    const { account, right } = await enrolled(postern)
    const slow = holdStatement(postern, 'question', BURN)
    const answer = answerOne(postern, account, 'totp', right.totp)
    await slow.reached
    const text = `UPDATE authenticators SET status = 'disabled' WHERE account_id = $1`
    await postern.deps.postgres.query({ text }, [account.id])
    slow.release()
    t.match(await answer, { status: 401, body: { error: 'invalid_code' } })
    const passed = await postern.auditEvents({ accountId: account.id, event: 'challenge.passed' })
    t.equal(passed.length, 1, 'the sign-in before')
  })

  t.test('a code of an authenticator that is not confirmed is a wrong one', async (t) => {
    const { account, bearer } = await enrolled(postern)
    const pending = await begin(postern, bearer)
    t.equal((await answerOne(postern, account, 'totp', pending.code())).body.error, 'invalid_code')
    const [failed] = await postern.auditEvents({ accountId: account.id, event: 'challenge.failed' })
    t.equal(failed?.details.reason, 'wrong_code')
  })
})
