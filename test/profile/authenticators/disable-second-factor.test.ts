import t from 'tap'
import { openTestApp, PASSWORD, type TestApp } from '../../support/app.ts'
import { onBothEngines, testOnServers } from '../../support/embedded.ts'
import {
  begin,
  confirm,
  countByStatus,
  holdAccount,
  storedFactors,
  wrongCode,
} from '../../support/enrollment.ts'
import { holdStatement } from '../../support/hold-statement.ts'

const skip = onBothEngines()

/** An account with an authenticator and recovery codes, signed in twice; a step later than its last code. */
const enrolled = async (postern: TestApp, roles = ['user']) => {
  const account = await postern.createAccount({ roles })
  const totp = await postern.enrollTotp(account)
  const other = await postern.signIn(account, totp)
  const { access_token: bearer } = await postern.signIn(account, totp)
  const { body } = await postern.request('POST', '/v1/me/recovery-codes', {
    bearer,
    body: { keep_other_sessions: true },
  })
  postern.advance(30)
  return { account, totp, bearer, other, codes: body.recovery_codes as string[] }
}

const ADMINISTER = { name: 'test_administer', text: `UPDATE accounts SET roles = '{admin}' WHERE id = $1` }

const disable = (postern: TestApp, bearer: string, body: object) =>
  postern.request('POST', '/v1/me/second-factor/disable', { bearer, body })

t.test('doing without a second factor', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('takes the password and a code, and removes everything', async (t) => {
    const { account, totp, bearer, other } = await enrolled(postern)
    const challenge = (await postern.logIn(account)).body.challenge_token
    const answer = { password: PASSWORD, method: 'totp', code: totp.code() }
    const done = await disable(postern, bearer, answer)
    t.equal(done.status, 204, done.text)
    t.match(await storedFactors(postern, account), { enrolled: 0, recoveryCodes: 0, authenticators: [] })

    t.equal((await postern.request('GET', '/v1/me', { bearer })).status, 200, 'this session stays')
    const ended = await postern.request('GET', '/v1/me', { bearer: other.access_token })
    t.equal(ended.body.error, 'invalid_token', 'the others end')
    const body = { challenge_token: challenge }
    t.equal((await postern.request('POST', '/v1/challenges/cancel', { body })).status, 401, 'and challenges')
    t.equal((await postern.logIn(account)).body.status, 'authenticated')

    const events = await postern.auditEvents({ accountId: account.id })
    t.match(
      events.filter(({ event }) => /^second_factor|^sessions/.test(event)),
      [
        { event: 'second_factor.disabled', outcome: 'success' },
        { event: 'sessions.ended', details: { reason: 'second_factor_disabled' } },
      ],
    )
  })

  t.test('clears the failures before it, as a right code does', async (t) => {
    const { totp, bearer } = await enrolled(postern)
    const wrong = { password: PASSWORD, method: 'totp', code: wrongCode(totp, postern.now()) }
    for (const left of [4, 3]) t.equal((await disable(postern, bearer, wrong)).body.attempts_remaining, left)
    t.equal((await disable(postern, bearer, { ...wrong, code: totp.code() })).status, 204)
    const anew = await begin(postern, bearer)
    const refused = await confirm(postern, bearer, anew.id, wrongCode(anew, postern.now()))
    t.equal(refused.body.attempts_remaining, 4, refused.text)
  })

  t.test('takes a recovery code as well', async (t) => {
    const { account, bearer, codes } = await enrolled(postern)
    const answer = { password: PASSWORD, method: 'recovery_code', code: codes[3] }
    t.equal((await disable(postern, bearer, answer)).status, 204)
    t.match(await storedFactors(postern, account), { enrolled: 0, recoveryCodes: 0 })
  })

  t.test('is refused where the policy requires one, and that is recorded', async (t) => {
    const { account, totp, bearer } = await enrolled(postern, ['admin'])
    const answer = { password: PASSWORD, method: 'totp', code: totp.code() }
    const refused = await disable(postern, bearer, answer)
    t.match(refused, { status: 403, body: { error: 'policy_violation' } })
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'access.refused' })
    t.equal(event?.details.reason, 'second_factor_required')
  })

  const requirements: Record<string, (id: string) => Promise<unknown>> = {
    'the account is given a role that': (id) => postern.deps.postgres.query(ADMINISTER, [id]),
    'the policy is changed to one that': () => postern.setPolicy({ required_for_all: true }),
  }
  for (const [what, require] of Object.entries(requirements)) {
    t.test(`is refused where ${what} requires one, while the code is looked at`, async (t) => {
      t.teardown(() => postern.setPolicy({ required_for_all: false }))
      const { account, totp, bearer } = await enrolled(postern)
      const before = await storedFactors(postern, account)
      const held = holdStatement(postern, 'answer', /t\.secret_sealed/)
      const answer = { password: PASSWORD, method: 'totp', code: totp.code() }
      const refused = disable(postern, bearer, answer)
      await held.reached
      await require(account.id)
      held.release()
      t.match(await refused, { status: 403, body: { error: 'policy_violation' } })
      t.same(await storedFactors(postern, account), before, 'the code is not burned')
      const [event] = await postern.auditEvents({ accountId: account.id, event: 'access.refused' })
      t.equal(event?.details.reason, 'second_factor_required')
    })
  }

  t.test('asks for a longer password first where it is too short to be the only factor', async (t) => {
    const { account, totp, bearer } = await enrolled(postern)
    const put = (currentPassword: string, newPassword: string) =>
      postern.request('PUT', '/v1/me/password', {
        bearer,
        body: { current_password: currentPassword, new_password: newPassword },
      })
    // Fifteen code points, fourteen once they are normalised.
    const short = 'walnut drawe\u0301rs'
    t.equal((await put(PASSWORD, short)).status, 204, 'beside a second factor it will do')
    const code = totp.code()
    const refused = await disable(postern, bearer, { password: short, method: 'totp', code })
    t.match(refused, { status: 400, body: { error: 'weak_password', fields: ['password'] } })
    t.match(refused.body.error_description, /15/)
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })

    const long = 'walnut drawer over the canal'
    t.equal((await put(short, long)).status, 204)
    t.equal((await disable(postern, bearer, { password: long, method: 'totp', code })).status, 204)
    t.equal((await storedFactors(postern, account)).enrolled, 0)
  })

  t.test('is a conflict where there is none', async (t) => {
    const { access_token: bearer } = await postern.signIn(await postern.createAccount())
    const refused = await disable(postern, bearer, { password: PASSWORD, method: 'totp', code: '123456' })
    t.match(refused, { status: 409, body: { error: 'conflict' } })
  })

  t.test('a wrong password is refused before the code is checked', async (t) => {
    const { account, totp, bearer } = await enrolled(postern)
    const code = totp.code()
    const refused = await disable(postern, bearer, { password: 'wrong', method: 'totp', code })
    t.match(refused, { status: 401, body: { error: 'invalid_credentials', fields: ['password'] } })
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'password.refused' })
    t.equal(event?.details.reason, 'wrong_password')
    t.equal((await disable(postern, bearer, { password: PASSWORD, method: 'totp', code })).status, 204)
  })

  t.test('wrong passwords spend the budget of sign-ins', async (t) => {
    await postern.setPolicy({ max_failed_passwords: 3 })
    t.teardown(() => postern.setPolicy({ max_failed_passwords: 20 }))
    const { account, totp, bearer } = await enrolled(postern)
    const answer = { password: 'wrong', method: 'totp', code: totp.code() }
    for (let count = 0; count < 3; count += 1) {
      t.equal((await disable(postern, bearer, answer)).body.error, 'invalid_credentials')
    }
    const refused = await disable(postern, bearer, { ...answer, password: PASSWORD })
    t.match(refused, { status: 429, body: { error: 'too_many_attempts', retry_after: Number } })
    t.equal((await postern.logIn(account)).body.error, 'invalid_credentials', 'not looked at')
    const [event] = await postern.auditEvents({
      accountId: account.id,
      event: 'primary_authentication.failed',
    })
    t.match(event, { details: { reason: 'throttled_account' } })
    t.equal((await storedFactors(postern, account)).enrolled, 1)
  })

  t.test('a wrong code counts against the authenticator, and changes nothing else', async (t) => {
    const { account, totp, bearer } = await enrolled(postern)
    const code = wrongCode(totp, postern.now())
    const refused = await disable(postern, bearer, { password: PASSWORD, method: 'totp', code })
    t.match(refused, { status: 401, body: { error: 'invalid_code', attempts_remaining: 4 } })
    t.match(await storedFactors(postern, account), {
      enrolled: 1,
      recoveryCodes: 10,
      authenticators: [{ consecutive_failures: 1 }],
    })
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'code.refused' })
    t.match(event?.details, { purpose: 'disable', reason: 'wrong_code', attempts_remaining: 4 })
  })

  t.test('a used code is refused', async (t) => {
    const { account, totp, bearer, codes } = await enrolled(postern)
    const { challenge_token } = (await postern.logIn(account)).body
    const code = totp.code()
    const used = { challenge_token, method: 'totp', code }
    t.equal((await postern.request('POST', '/v1/challenges/verify', { body: used })).status, 200)
    const refused = await disable(postern, bearer, { password: PASSWORD, method: 'totp', code })
    t.equal(refused.body.error, 'invalid_code')
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: codes.length })
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'code.refused' })
    t.equal(event?.details.reason, 'replayed_code')
  })

  t.test('a code of another shape is malformed, and spends no attempt', async (t) => {
    const { account, totp, bearer } = await enrolled(postern)
    for (const answer of [
      { method: 'totp', code: '12345678' },
      { method: 'totp', code: '12345' },
      { method: 'totp', code: 'KX3F-9Q2M-0TZB-7HRW' },
      { method: 'recovery_code', code: '123456' },
      { method: 'webauthn', code: '123456' },
    ]) {
      const refused = await disable(postern, bearer, { password: PASSWORD, ...answer })
      t.equal(refused.status, 400, JSON.stringify(answer))
    }
    const code = wrongCode(totp, postern.now())
    const refused = await disable(postern, bearer, { password: PASSWORD, method: 'totp', code })
    t.equal(refused.body.attempts_remaining, 4)
    t.equal((await storedFactors(postern, account)).enrolled, 1)
  })

  t.test('a client’s external subject has no password to show', async (t) => {
    const basic = await postern.createClient({
      scopes: ['challenges', 'postern:me'],
      audience: [postern.config.issuer],
    })
    const subject = { subject: 'flask-7' }
    const opened = await postern.request('POST', '/v1/challenges', { basic, body: subject })
    const account = { id: opened.body.sub }
    const totp = await postern.enrollTotp(account)
    const answer = { password: PASSWORD, method: 'totp', code: totp.code() }
    const refused = await disable(postern, opened.body.access_token, answer)
    t.match(refused, { status: 404, body: { error: 'not_found' } })
    t.equal((await storedFactors(postern, account)).enrolled, 1)
  })

  testOnServers(t, 'of two at once with two codes one is done', async (t) => {
    const { account, totp, bearer, codes } = await enrolled(postern)
    const held = await holdAccount(t, postern, account)
    const answers = Promise.all([
      disable(postern, bearer, { password: PASSWORD, method: 'totp', code: totp.code() }),
      disable(postern, bearer, { password: PASSWORD, method: 'recovery_code', code: codes[0] }),
    ])
    await held.untilWaiting(2)
    await held.release()
    t.same(countByStatus(await answers), { 204: 1, 409: 1 })
    t.match(await storedFactors(postern, account), { enrolled: 0, recoveryCodes: 0, authenticators: [] })
  })

  testOnServers(t, 'is a conflict where an administrator deletes the account meanwhile', async (t) => {
    const { account, totp, bearer } = await enrolled(postern)
    const held = await holdAccount(t, postern, account)
    const answer = disable(postern, bearer, { password: PASSWORD, method: 'totp', code: totp.code() })
    await held.untilWaiting(1)
    await held.query('DELETE FROM accounts WHERE id = $1', [account.id])
    await held.release()
    t.equal((await answer).status, 409)
    t.same(await postern.auditEvents({ accountId: account.id, event: 'second_factor.disabled' }), [])
  })
})
