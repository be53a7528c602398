// Requests that change the same account's factors at once wait for one another, in one order, and none of them fails.
import t from 'tap'
import { type Answer, openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { holdAccount, storedFactors, untilWaiting, wrongCode } from '../support/enrollment.ts'
import { holdStatement } from '../support/hold-statement.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const METHODS = ['totp', 'recovery_code'] as const
type Method = (typeof METHODS)[number]

/** An account with an authenticator and recovery codes, one of each unused; signed in. */
const enrolled = async (postern: TestApp) => {
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const { access_token: bearer } = await postern.signIn(account, totp)
  const { body } = await postern.request('POST', '/v1/me/recovery-codes', { bearer })
  const { challenge_token: challengeToken } = (await postern.logIn(account)).body
  // A step later, because signing in has used up the code of this one.
  postern.advance(30)
  const codes: Record<Method, string> = { totp: totp.code(), recovery_code: body.recovery_codes[0] }
  return { account, totp, bearer, codes, challengeToken }
}
type Enrolled = Awaited<ReturnType<typeof enrolled>>

const administrator = async (postern: TestApp): Promise<string> => {
  const account = await postern.createAccount({ roles: ['admin'] })
  return (await postern.signIn(account, await postern.enrollTotp(account))).access_token
}

type Change = {
  what: string
  /** Its first statement that touches a factor; the account is locked by then. */
  touches: RegExp
  ask: (postern: TestApp, enrolled: Enrolled, burned: Method) => Promise<Answer>
}

const CHANGES: Change[] = [
  {
    what: 'doing without a second factor',
    touches: /DELETE FROM recovery_codes/,
    ask: (postern, { bearer, codes }, burned) => {
      // With the code that is not burned by the other request.
      const method = burned === 'totp' ? 'recovery_code' : 'totp'
      const body = { password: PASSWORD, method, code: codes[method] }
      return postern.request('POST', '/v1/me/second-factor/disable', { bearer, body })
    },
  },
  {
    what: 'removing the last authenticator',
    touches: /DELETE FROM authenticators/,
    ask: (postern, { bearer, totp }) =>
      postern.request('DELETE', `/v1/me/authenticators/${totp.authenticatorId}`, { bearer }),
  },
  {
    what: 'an administrator’s reset',
    touches: /DELETE FROM recovery_codes/,
    ask: async (postern, { account }) => {
      const bearer = await administrator(postern)
      return postern.request('POST', `/v1/admin/accounts/${account.id}/reset-second-factor`, { bearer })
    },
  },
]

t.test('a code that is burned while the factors change', { skip }, async (t) => {
  const postern = await openTestApp(t)
  for (const method of METHODS) {
    for (const { what, touches, ask } of CHANGES) {
      t.test(`${method}, ${what}: the change is made, the code opens nothing`, async (t) => {
        const begun = await enrolled(postern)
        const held = holdStatement(postern, 'question', touches)
        const change = ask(postern, begun, method)
        await held.reached
        const body = { challenge_token: begun.challengeToken, method, code: begun.codes[method] }
        const answer = postern.request('POST', '/v1/challenges/verify', { body })
        await untilWaiting(postern, 1)
        held.release()
        t.match(await change, { status: 204 })
        t.match(await answer, { status: 401, body: { error: 'invalid_code' } })
        t.match(await storedFactors(postern, begun.account), { enrolled: 0, recoveryCodes: 0 })
      })
    }
  }
})

const FACTORS = `
  SELECT t.id, r.id
    FROM authenticators AS t
    JOIN recovery_codes AS r ON r.account_id = t.account_id
   WHERE t.account_id = $1
     FOR UPDATE NOWAIT`

t.test('an answer waits for its account before it holds any of its factors', { skip }, async (t) => {
  const postern = await openTestApp(t)
  for (const what of ['totp', 'recovery_code', 'a wrong code'] as const) {
    t.test(what, async (t) => {
      const { account, totp, challengeToken, codes } = await enrolled(postern)
      const method = what === 'a wrong code' ? 'totp' : what
      const code = what === 'a wrong code' ? wrongCode(totp, postern.now()) : codes[what]
      const held = await holdAccount(t, postern, account)
      const body = { challenge_token: challengeToken, method, code }
      const answer = postern.request('POST', '/v1/challenges/verify', { body })
      await held.untilWaiting(1)
      await t.resolves(held.query(FACTORS, [account.id]))
      await held.release()
      t.equal((await answer).status, what === 'a wrong code' ? 401 : 200)
    })
  }
})
