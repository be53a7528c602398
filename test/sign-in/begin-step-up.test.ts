import { decodeJwt } from 'jose'
import t from 'tap'
import { findListedAccount } from '../../src/accounts/details-store.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { wrongCode } from '../support/enrollment.ts'

const skip = onBothEngines()

const enrolled = async (postern: TestApp) => {
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  return { account, totp, tokens: await postern.signIn(account, totp) }
}

const stepUp = (postern: TestApp, bearer: string, body?: object) =>
  postern.request('POST', '/v1/me/step-up', { bearer, ...(body && { body }) })

const verify = (postern: TestApp, challengeToken: string, code: string) =>
  postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: challengeToken, method: 'totp', code },
  })

const renew = (postern: TestApp, refreshToken: string) =>
  postern.request('POST', '/oauth2/token', {
    form: { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'postern' },
  })

t.test('step-up', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('says so where the session has shown enough, and gives nothing new out', async (t) => {
    const { tokens } = await enrolled(postern)
    const { sid, acr, amr, auth_time } = tokens
    for (const body of [undefined, {}, { max_age: 900 }, { acr: 'aal1' }, { acr: 'aal1', max_age: 60 }]) {
      const answer = await stepUp(postern, tokens.access_token, body)
      t.same(answer.body, { status: 'authenticated', sid, acr, amr, auth_time }, JSON.stringify(body))
      t.equal(answer.headers['cache-control'], 'no-store')
    }
  })

  t.test('is no sign-in: when the account last signed in stays', async (t) => {
    const { account, totp, tokens } = await enrolled(postern)
    const generated = await postern.request('POST', '/v1/me/recovery-codes', { bearer: tokens.access_token })
    const { lastLoginAt: signedInAt } = (await findListedAccount(postern.deps, account.id)) ?? {}
    t.ok(signedInAt)
    let bearer: string = tokens.access_token
    for (const answer of [
      () => ({ method: 'totp', code: totp.code() }),
      () => ({ method: 'recovery_code', code: generated.body.recovery_codes[0] }),
    ]) {
      postern.advance(60)
      const { challenge_token } = (await stepUp(postern, bearer, { max_age: 0 })).body
      const body = { challenge_token, ...answer() }
      const passed = await postern.request('POST', '/v1/challenges/verify', { body })
      t.equal(passed.status, 200, passed.text)
      bearer = passed.body.access_token
      t.same((await findListedAccount(postern.deps, account.id))?.lastLoginAt, signedInAt, body.method)
    }
    const codes: string[] = generated.body.recovery_codes
    const { challenge_token } = (await postern.logIn(account)).body
    const body = { challenge_token, method: 'recovery_code', code: codes[1] }
    t.equal((await postern.request('POST', '/v1/challenges/verify', { body })).status, 200)
    t.same(
      (await findListedAccount(postern.deps, account.id))?.lastLoginAt,
      postern.now(),
      'a sign-in is one',
    )
  })

  t.test('opens a challenge where it has not, and replaces this session by a fresh one', async (t) => {
    const { account, totp, tokens } = await enrolled(postern)
    const created = postern.now()
    postern.advance(300)
    const opened = await stepUp(postern, tokens.access_token, { max_age: 120 })
    t.match(opened.body, {
      status: 'challenge_required',
      challenge_token: /^pst_ch_/,
      expires_in: 300,
      methods: [{ method: 'totp' }],
      reasons: ['step_up_requested'],
    })
    const passed = await verify(postern, opened.body.challenge_token, totp.code())
    t.equal(passed.status, 200, passed.text)
    t.match(passed.body, { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], sub: account.id })
    t.not(passed.body.sid, tokens.sid)
    const now = Math.floor(postern.now().getTime() / 1000)
    const { auth_time } = decodeJwt(passed.body.access_token)
    t.equal(auth_time, now, 'RFC 9470: who asked for max_age reads that it has happened')

    const old = await postern.request('GET', '/v1/me', { bearer: tokens.access_token })
    t.equal(old.body.error, 'invalid_token', 'the old session is over')
    t.equal((await renew(postern, tokens.refresh_token)).status, 400)
    const { items } = (await postern.request('GET', '/v1/me/sessions', { bearer: passed.body.access_token }))
      .body
    t.equal(items.length, 1)
    t.equal(Date.parse(items[0].created_at), Math.floor(created.getTime() / 1000) * 1000, 'as old as it was')
    t.equal((await stepUp(postern, passed.body.access_token, { max_age: 120 })).body.status, 'authenticated')
    const [event] = (await postern.auditEvents({ accountId: account.id, event: 'challenge.passed' })).slice(
      -1,
    )
    t.match(event, { session_id: passed.body.sid, details: { purpose: 'step_up', method: 'totp' } })
  })

  t.test('zero seconds ask in any case', async (t) => {
    const { tokens } = await enrolled(postern)
    t.equal((await stepUp(postern, tokens.access_token, { max_age: 0 })).body.status, 'challenge_required')
    t.equal(
      (await stepUp(postern, tokens.access_token, { acr: 'aal1', max_age: 0 })).body.status,
      'challenge_required',
    )
  })

  t.test('a request cannot allow an older second factor than the policy does', async (t) => {
    await postern.setPolicy({ second_factor_max_age: 120 })
    t.teardown(() => postern.setPolicy({ second_factor_max_age: 28_800 }))
    const { tokens } = await enrolled(postern)
    postern.advance(121)
    for (const body of [undefined, { max_age: 86_400 }]) {
      t.equal((await stepUp(postern, tokens.access_token, body)).body.status, 'challenge_required')
    }
  })

  t.test('a session that has shown a password alone is asked for the second factor', async (t) => {
    const account = await postern.createAccount()
    const tokens = await postern.signIn(account)
    const totp = await postern.enrollTotp(account)
    const opened = await stepUp(postern, tokens.access_token)
    const passed = await verify(postern, opened.body.challenge_token, totp.code())
    t.match(passed.body, { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
  })

  t.test('a wrong code leaves the session as it is', async (t) => {
    const { totp, tokens } = await enrolled(postern)
    const opened = await stepUp(postern, tokens.access_token, { max_age: 0 })
    const refused = await verify(postern, opened.body.challenge_token, wrongCode(totp, postern.now()))
    t.match(refused.body, { error: 'invalid_code', attempts_remaining: 4 })
    t.equal((await postern.request('GET', '/v1/me', { bearer: tokens.access_token })).status, 200)
  })

  t.test('a session that has ended meanwhile does not come back', async (t) => {
    const { totp, tokens } = await enrolled(postern)
    const opened = await stepUp(postern, tokens.access_token, { max_age: 0 })
    await postern.request('POST', '/v1/logout', { bearer: tokens.access_token })
    postern.advance(30)
    const refused = await verify(postern, opened.body.challenge_token, totp.code())
    t.equal(refused.body.error, 'invalid_challenge')
  })

  t.test('it keeps the address that the session was opened from', async (t) => {
    const basic = await postern.createClient({
      scopes: ['challenges', 'postern:me'],
      audience: [postern.config.issuer],
    })
    const body = { subject: 'flask-9', ip: '203.0.113.9', user_agent: 'Firefox' }
    const first = await postern.request('POST', '/v1/challenges', { basic, body })
    const totp = await postern.enrollTotp({ id: first.body.sub })
    const opened = await stepUp(postern, first.body.access_token)
    const passed = await verify(postern, opened.body.challenge_token, totp.code())
    const listed = await postern.request('GET', '/v1/me/sessions', { bearer: passed.body.access_token })
    t.match(listed.body.items, [{ ip: '203.0.113.9', user_agent: 'Firefox' }])
  })

  const lastRefusal = async (accountId: string) =>
    (await postern.auditEvents({ accountId, event: 'access.refused' })).at(-1)?.details.reason

  t.test('phishing-resistant authentication is refused, because it is not possible yet', async (t) => {
    const { account, tokens } = await enrolled(postern)
    const refused = await stepUp(postern, tokens.access_token, { acr: 'phr' })
    t.match(refused, {
      status: 400,
      body: { error: 'unmet_authentication_requirements', fields: ['acr'] },
    })
    t.equal(await lastRefusal(account.id), 'acr_unmet')
  })

  t.test('an account without a second factor has to enroll, or to sign in again', async (t) => {
    const account = await postern.createAccount()
    const { access_token: bearer } = await postern.signIn(account)
    t.equal((await stepUp(postern, bearer, { acr: 'aal1', max_age: 60 })).body.status, 'authenticated')
    const refused = await stepUp(postern, bearer)
    t.match(refused, { status: 403, body: { error: 'policy_violation' } })
    t.match(refused.body.error_description, /enroll/)
    t.equal(await lastRefusal(account.id), 'nothing_enrolled')
    postern.advance(61)
    t.match(await stepUp(postern, bearer, { acr: 'aal1', max_age: 60 }), {
      status: 401,
      body: { error: 'insufficient_user_authentication', acr_values: 'aal1', max_age: 60 },
    })
  })

  t.test(
    'an account whose authenticators are all disabled learns that an administrator can help',
    async (t) => {
      const { account, tokens } = await enrolled(postern)
      const sql = {
        name: 'test_disable_all',
        text: `UPDATE authenticators SET status = 'disabled' WHERE account_id = $1`,
      }
      await postern.changeByHand(sql, [account.id])
      const refused = await stepUp(postern, tokens.access_token, { max_age: 0 })
      t.match(refused, { status: 403, body: { error: 'policy_violation' } })
      t.match(refused.body.error_description, /administrator/)
      t.equal(await lastRefusal(account.id), 'nothing_usable')
    },
  )

  t.test('malformed members are refused', async (t) => {
    const { tokens } = await enrolled(postern)
    for (const body of [
      { acr: 'aal3' },
      { acr: null },
      { max_age: -1 },
      { max_age: '60' },
      { max_age: 1.5 },
    ]) {
      t.equal((await stepUp(postern, tokens.access_token, body)).status, 400, JSON.stringify(body))
    }
  })
})
