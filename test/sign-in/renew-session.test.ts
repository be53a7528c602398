import t from 'tap'
import { DependencyError } from '../../src/errors.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { race } from '../support/race.ts'

const skip = onBothEngines()

const renew = (
  postern: TestApp,
  refreshToken: string,
  form: Record<string, string> = { client_id: 'postern' },
) =>
  postern.request('POST', '/oauth2/token', {
    form: { grant_type: 'refresh_token', refresh_token: refreshToken, ...form },
  })

const isLive = async (postern: TestApp, accessToken: string) =>
  (await postern.request('POST', '/v1/logout', { bearer: accessToken })).status === 204

t.test('renewing a session', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('gives new tokens for the same session, and says so in the audit log', async (t) => {
    const account = await postern.createAccount()
    const first = await postern.signIn(account)
    postern.advance(60)
    const renewed = await renew(postern, first.refresh_token)
    t.equal(renewed.status, 200, renewed.text)
    t.equal(renewed.headers['cache-control'], 'no-store')
    t.match(renewed.body, { sid: first.sid, sub: account.id, auth_time: first.auth_time, scope: first.scope })
    t.not(renewed.body.refresh_token, first.refresh_token)
    t.not(renewed.body.access_token, first.access_token)
    t.equal((await renew(postern, renewed.body.refresh_token)).status, 200)
    const events = await postern.auditEvents({ event: 'session.renewed', accountId: account.id })
    t.same(
      events.map((event) => event.session_id),
      [first.sid],
    )
  })

  t.test('is recorded at first, once an hour, and at once where the address is another', async (t) => {
    const account = await postern.createAccount()
    let { refresh_token: token } = await postern.signIn(account)
    const renewFrom = async (ip: string) => {
      const form = { grant_type: 'refresh_token', refresh_token: token, client_id: 'postern' }
      const { status, body } = await postern.request('POST', '/oauth2/token', { form, ip })
      t.equal(status, 200)
      token = body.refresh_token
    }
    const recorded = async () =>
      (await postern.auditEvents({ event: 'session.renewed', accountId: account.id })).map(({ ip }) => ip)
    const [home, train] = ['198.51.100.7', '203.0.113.9']
    await renewFrom(home)
    t.same(await recorded(), [home], 'the first')
    postern.advance(1800)
    await renewFrom(home)
    t.same(await recorded(), [home], 'not the second within an hour')
    await renewFrom(train)
    t.same(await recorded(), [home, train], 'the first from another address')
    await renewFrom(train)
    t.same(await recorded(), [home, train])
    postern.advance(1799)
    await renewFrom(train)
    t.same(await recorded(), [home, train])
    postern.advance(1801)
    await renewFrom(train)
    t.same(await recorded(), [home, train, train], 'the first of another hour')
    const refused = await renew(postern, token, { client_id: 'postern', resource: 'https://nowhere.example' })
    t.equal(refused.body.error, 'invalid_target')
    await renewFrom(train)
    t.same(await recorded(), [home, train, train])
  })

  t.test('that could not be recorded is answered 503, and recorded when it is repeated', async (t) => {
    const account = await postern.createAccount()
    const { refresh_token: first } = await postern.signIn(account)
    const { query } = postern.deps.postgres
    postern.deps.postgres.query = (statement, values) =>
      JSON.stringify(values ?? []).includes('session.renewed')
        ? Promise.reject(new DependencyError('postgres', 'away'))
        : query(statement, values)
    t.equal((await renew(postern, first)).status, 503)
    postern.deps.postgres.query = query
    t.equal((await renew(postern, first)).status, 200, 'the token is still good')
    const recorded = await postern.auditEvents({ event: 'session.renewed', accountId: account.id })
    t.equal(recorded.length, 1)
  })

  t.test('a second use of a refresh token ends the session and all its tokens', async (t) => {
    const account = await postern.createAccount()
    const first = await postern.signIn(account)
    const renewed = await renew(postern, first.refresh_token)
    postern.advance(10)
    t.match(await renew(postern, first.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    t.equal(
      (await renew(postern, renewed.body.refresh_token)).body.error,
      'invalid_grant',
      'the family has ended',
    )
    t.notOk(await isLive(postern, renewed.body.access_token), 'and the access token with it')
    const [event] = await postern.auditEvents({ event: 'refresh_token.refused', accountId: account.id })
    t.match(event, { outcome: 'failure', session_id: first.sid, details: { reason: 'reused' } })
  })

  t.test(
    'the token before renews once more within ten seconds, and its unused successor is dead',
    async (t) => {
      const account = await postern.createAccount()
      const first = await postern.signIn(account)
      const lost = await renew(postern, first.refresh_token)
      postern.advance(9)
      const again = await renew(postern, first.refresh_token)
      t.equal(again.status, 200)
      const next = await renew(postern, again.body.refresh_token)
      t.equal(next.status, 200)
      t.equal((await renew(postern, lost.body.refresh_token)).body.error, 'invalid_grant')
      t.equal(
        (await renew(postern, next.body.refresh_token)).body.error,
        'invalid_grant',
        'the family has ended',
      )
      const [event] = await postern.auditEvents({ event: 'refresh_token.refused', accountId: account.id })
      t.match(event, { session_id: first.sid, details: { reason: 'reused' } })
    },
  )

  t.test('the token before does not renew once its successor was used', async (t) => {
    const first = await postern.signIn(await postern.createAccount())
    const second = await renew(postern, first.refresh_token)
    t.equal((await renew(postern, second.body.refresh_token)).status, 200)
    t.equal((await renew(postern, first.refresh_token)).body.error, 'invalid_grant')
    t.notOk(await isLive(postern, second.body.access_token))
  })

  t.test('a guessed refresh token ends nothing', async (t) => {
    const first = await postern.signIn(await postern.createAccount())
    const guess = first.refresh_token.slice(0, -65) + 'A'.repeat(65)
    t.equal((await renew(postern, guess)).body.error, 'invalid_grant')
    t.equal((await renew(postern, 'pst_rt_nonsense')).body.error, 'invalid_grant')
    t.equal((await renew(postern, first.refresh_token)).status, 200)
  })

  t.test("a refresh token at someone else's client ends the session", async (t) => {
    const byForm = { tokenEndpointAuthMethod: 'client_secret_post' } as const
    const stranger = await postern.createClient({ scopes: ['openid'], ...byForm })
    const first = await postern.signIn(await postern.createAccount())
    const form = { client_id: stranger.clientId, client_secret: stranger.secret }
    t.equal((await renew(postern, first.refresh_token, form)).body.error, 'invalid_grant')
    t.notOk(await isLive(postern, first.access_token))
    const [event] = await postern.auditEvents({ event: 'refresh_token.refused', accountId: first.sub })
    t.equal(event?.details.reason, 'wrong_client')
  })

  t.test('carries the second factor on, until it is too old', async (t) => {
    const account = await postern.createAccount({ roles: ['admin'] })
    const totp = await postern.enrollTotp(account)
    await postern.setPolicy({ second_factor_max_age: 3000 })
    const first = await postern.signIn(account, totp)
    postern.advance(2000)
    const renewed = await renew(postern, first.refresh_token)
    t.match(renewed.body, { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
    postern.advance(1500)
    t.match(await renew(postern, renewed.body.refresh_token), {
      status: 401,
      body: { error: 'insufficient_user_authentication' },
    })
    await postern.setPolicy({ second_factor_max_age: 28_800 })
  })

  t.test('whose second factor is too old uses nothing up, however often it is tried', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const tokens = await postern.signIn(account, totp)
    postern.advance(90)
    await postern.setPolicy({ second_factor_max_age: 60 })
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'postern' }
    const ask = () => postern.request('POST', '/oauth2/token', { form })
    const answers = await Promise.all([1, 2, 3, 4, 5].map(ask))
    await postern.setPolicy({ second_factor_max_age: 28_800 })
    t.same(
      answers.map(({ body }) => body.error),
      answers.map(() => 'insufficient_user_authentication'),
    )
    t.equal((await ask()).status, 200, 'the token is still good')
  })

  t.test('shows new roles, and asks the policy again', async (t) => {
    const account = await postern.createAccount()
    const first = await postern.signIn(account)
    const promote = { name: 'test_promote', text: `UPDATE accounts SET roles = '{admin}' WHERE id = $1` }
    await postern.deps.postgres.query(promote, [account.id])
    t.equal(
      (await renew(postern, first.refresh_token)).body.error,
      'invalid_grant',
      'the role needs a second factor',
    )
  })

  t.test('is refused to an account that is disabled, gone or locked', async (t) => {
    for (const text of [
      `UPDATE accounts SET status = 'disabled' WHERE id = $1`,
      'DELETE FROM accounts WHERE id = $1',
    ]) {
      const account = await postern.createAccount()
      const first = await postern.signIn(account)
      await postern.deps.postgres.query({ name: `test_${text.slice(0, 6)}`, text }, [account.id])
      t.equal((await renew(postern, first.refresh_token)).body.error, 'invalid_grant')
    }
    const account = await postern.createAccount()
    const first = await postern.signIn(account)
    const limits = { maxFailedAttempts: 1, lockoutSeconds: 60 }
    await postern.deps.ephemeral.budgets.take(account.id, limits, postern.now().getTime())
    const locked = await renew(postern, first.refresh_token)
    t.match(locked, { status: 429, body: { error: 'account_locked', retry_after: 60 } })
    postern.advance(61)
    t.equal((await renew(postern, first.refresh_token)).status, 200, 'being locked uses no token up')
  })

  t.test('ends with the idle and with the absolute limit of the session', async (t) => {
    const idle = await postern.signIn(await postern.createAccount())
    postern.advance(3600)
    t.equal((await renew(postern, idle.refresh_token)).body.error, 'invalid_grant')

    let { refresh_token: token } = await postern.signIn(await postern.createAccount())
    for (let elapsed = 0; elapsed < 86_400 - 3000; elapsed += 3000) {
      postern.advance(3000)
      const renewed = await renew(postern, token)
      if (renewed.status !== 200) t.fail(`${elapsed} s: ${renewed.text}`)
      token = renewed.body.refresh_token
    }
    postern.advance(3000)
    t.equal((await renew(postern, token)).body.error, 'invalid_grant', 'a day is over')
  })

  t.test('of fifty parallel uses of one refresh token two pass, and no token is live', async (t) => {
    const { outcomes: answers } = await race(postern, 50, {
      prepare: async () => postern.signIn(await postern.createAccount()),
      attempt: (first) => renew(postern, first.refresh_token),
    })
    const passed = answers.filter(({ status }) => status === 200)
    t.equal(passed.length, 2, 'the second for an answer that is lost')
    t.equal(answers.filter(({ body }) => body.error === 'invalid_grant').length, 48)
    for (const { body } of passed) {
      t.equal((await renew(postern, body.refresh_token)).body.error, 'invalid_grant')
      t.notOk(await isLive(postern, body.access_token))
    }
  })
})
