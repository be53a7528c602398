import t from 'tap'
import { systemOrigin } from '../../src/audit/event.ts'
import { takeCodeAttempt } from '../../src/authenticators/take-code-attempt.ts'
import { AuthError, DependencyError } from '../../src/errors.ts'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { begin, confirm, storedFactors, wrongCode } from '../support/enrollment.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const evaluated = async (postern: TestApp, accountId: string): Promise<number> => {
  const events = await postern.auditEvents({ accountId })
  return events.filter(({ details }) => details.reason === 'wrong_code').length
}

t.test('one budget for every route that checks a code', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('of 200 parallel wrong codes across all routes no more than the limit are evaluated', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const { access_token: bearer } = await postern.signIn(account, totp)
    const pending = await begin(postern, bearer)
    const codes = (await postern.request('POST', '/v1/me/recovery-codes', { bearer })).body.recovery_codes
    const { challenge_token } = (await postern.logIn(account)).body
    const stepUp = await postern.request('POST', '/v1/me/step-up', { bearer, body: { max_age: 0 } })
    const wrong = wrongCode(totp, postern.now())
    const verify = (token: string, method: string, code: string) =>
      postern.request('POST', '/v1/challenges/verify', { body: { challenge_token: token, method, code } })
    const routes = [
      () => verify(challenge_token, 'totp', wrong),
      () => verify(challenge_token, 'recovery_code', '0000-0000-0000-0000'),
      () => verify(stepUp.body.challenge_token, 'totp', wrong),
      () => confirm(postern, bearer, pending.id, wrongCode(pending, postern.now())),
    ]
    const disable = (code: string) =>
      postern.request('POST', '/v1/me/second-factor/disable', {
        bearer,
        body: { password: PASSWORD, method: 'totp', code },
      })
    const answers = await Promise.all([
      ...Array.from({ length: 196 }, (_, index) => routes[index % routes.length]?.()),
      ...Array.from({ length: 4 }, () => disable(wrong)),
    ])
    t.equal(answers.length, 200)
    t.same([...new Set(answers.map((answer) => answer?.status))].toSorted(), [401, 429])
    t.equal(await evaluated(postern, account.id), 5)

    const { challenge_token: another } = (await postern.logIn(account)).body
    t.equal(another, undefined, 'a new login gives no new guesses')
    for (const refused of [
      await verify(challenge_token, 'totp', totp.code()),
      await verify(challenge_token, 'recovery_code', codes[0]),
      await confirm(postern, bearer, pending.id, pending.code()),
      await disable(totp.code()),
      await postern.request('POST', '/v1/me/step-up', { bearer, body: { max_age: 0 } }),
    ]) {
      t.match(refused, { status: 429, body: { error: 'account_locked', retry_after: Number } })
    }
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })
  })

  t.test('a right code in time clears the budget', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const { access_token: bearer } = await postern.signIn(account, totp)
    const pending = await begin(postern, bearer)
    for (let round = 0; round < 2; round += 1) {
      for (const left of [4, 3, 2, 1]) {
        const refused = await confirm(postern, bearer, pending.id, wrongCode(pending, postern.now()))
        t.equal(refused.body.attempts_remaining, left)
      }
      await postern.signIn(account, totp)
    }
  })

  t.test('the lock ends with the lockout', async (t) => {
    const account = await postern.createAccount()
    const { access_token: bearer } = await postern.signIn(account)
    const pending = await begin(postern, bearer)
    for (let count = 0; count < 5; count += 1)
      await confirm(postern, bearer, pending.id, wrongCode(pending, postern.now()))
    postern.advance(900)
    const fresh = (await postern.signIn(account)).access_token
    const again = await begin(postern, fresh)
    t.equal((await confirm(postern, fresh, again.id, again.code())).status, 200)
  })

  t.test('what could not be evaluated is given back', async (t) => {
    const account = await postern.createAccount()
    const about = { accountId: account.id, sessionId: null, purpose: 'confirm' }
    const attempt = (error: Error) =>
      takeCodeAttempt(postern.deps, systemOrigin(postern.now()), about, () => Promise.reject(error))
    for (let count = 0; count < 6; count += 1) {
      await t.rejects(attempt(new DependencyError('postgres', new Error('away'))), {
        name: 'DependencyError',
      })
      await t.rejects(attempt(new AuthError('not_found')), { code: 'not_found' })
    }
    const state = await postern.deps.ephemeral.budgets.read(account.id, postern.now().getTime())
    t.equal(state.lockedUntilMs, null)
    await t.rejects(
      takeCodeAttempt(postern.deps, systemOrigin(postern.now()), about, ({ refuse }) => refuse('wrong_code')),
      { code: 'invalid_code', details: { attempts_remaining: 4 } },
    )
  })
})

t.test('a hundred wrong codes in a row', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_attempts: 100, lockout: 1 })
  const failures = 100

  /** Spends 100 wrong codes on an account's challenges. */
  const exhaust = async () => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const { access_token: bearer } = await postern.signIn(account, totp)
    const codes: string[] = (await postern.request('POST', '/v1/me/recovery-codes', { bearer })).body
      .recovery_codes
    const { challenge_token } = (await postern.logIn(account)).body
    const body = { challenge_token, method: 'totp', code: wrongCode(totp, postern.now()) }
    for (let count = 0; count < failures; count += 1)
      await postern.request('POST', '/v1/challenges/verify', { body })
    postern.advance(2)
    return { account, totp, codes }
  }

  t.test('disable the authenticator for good, and it still counts as enrolled', async (t) => {
    const { account, totp, codes } = await exhaust()
    t.match(await storedFactors(postern, account), { enrolled: 1, authenticators: [{ status: 'disabled' }] })
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'authenticator.disabled' })
    t.match(event?.details, { authenticator_id: totp.authenticatorId })

    const login = await postern.logIn(account)
    t.match(login.body, { status: 'challenge_required', methods: [{ method: 'recovery_code' }] })
    const { challenge_token } = login.body
    const right = { challenge_token, method: 'totp', code: totp.code() }
    t.equal((await postern.request('POST', '/v1/challenges/verify', { body: right })).status, 400)

    const recover = { challenge_token, method: 'recovery_code', code: codes[0] }
    const passed = await postern.request('POST', '/v1/challenges/verify', { body: recover })
    t.equal(passed.status, 200, passed.text)
    const bearer: string = passed.body.access_token
    const { items } = (await postern.request('GET', '/v1/me/authenticators', { bearer })).body
    t.match(items, [{ status: 'disabled' }])
    const anew = await begin(postern, bearer)
    const confirmed = await confirm(postern, bearer, anew.id, anew.code())
    t.equal(confirmed.status, 200, 'the account enrolls another one')
    t.notOk('recovery_codes' in confirmed.body, 'which is not its first')
  })

  t.test('without recovery codes leave no way in, and above all none by the password alone', async (t) => {
    const { account } = await exhaust()
    const sql = { name: 'test_lose_codes', text: 'DELETE FROM recovery_codes WHERE account_id = $1' }
    await postern.deps.postgres.query(sql, [account.id])
    const login = await postern.logIn(account)
    t.match(login, { status: 403, body: { error: 'policy_violation' } })
    t.match(login.body.error_description, /administrator/)
  })

  t.test('count from the last right one on', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const { challenge_token } = (await postern.logIn(account)).body
    const body = { challenge_token, method: 'totp', code: wrongCode(totp, postern.now()) }
    for (let count = 0; count < failures - 1; count += 1)
      await postern.request('POST', '/v1/challenges/verify', { body })
    t.match(await storedFactors(postern, account), { authenticators: [{ consecutive_failures: 99 }] })
    const right = { challenge_token, method: 'totp', code: totp.code() }
    t.equal((await postern.request('POST', '/v1/challenges/verify', { body: right })).status, 200)
    t.match(await storedFactors(postern, account), {
      authenticators: [{ status: 'active', consecutive_failures: 0 }],
    })
  })
})
