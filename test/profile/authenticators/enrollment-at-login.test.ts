import { decodeJwt } from 'jose'
import t from 'tap'
import { openTestApp, type TestApp } from '../../support/app.ts'
import { onBothEngines, testOnServers } from '../../support/embedded.ts'
import {
  begin,
  confirm,
  countByStatus,
  holdAccount,
  storedFactors,
  wrongCode,
} from '../../support/enrollment.ts'
import { race } from '../../support/race.ts'

const skip = onBothEngines()

/** Bodies that routes need before they look at who asks. */
const BODIES: Record<string, object> = {
  'patch /v1/me': { display_name: 'Ada' },
  'put /v1/me/password': { current_password: 'x', new_password: 'y' },
  'patch /v1/me/authenticators/{id}': { name: 'Phone' },
  'post /v1/me/second-factor/disable': { password: 'x', method: 'totp', code: '123456' },
}

/** An account that must have a second factor and has none, and what its login answered. */
const enrolling = async (postern: TestApp) => {
  const account = await postern.createAccount({ roles: ['admin'] })
  const { body } = await postern.logIn(account)
  return { account, login: body, token: body.enrollment_token as string }
}

const list = (postern: TestApp, bearer: string) => postern.request('GET', '/v1/me/authenticators', { bearer })

t.test('enrollment at login', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test(
    'an account that must have a second factor and has none gets an enrollment token alone',
    async (t) => {
      const { login } = await enrolling(postern)
      t.same(Object.keys(login).toSorted(), [
        'enrollment_token',
        'expires_in',
        'methods',
        'reasons',
        'status',
      ])
      t.match(login, {
        status: 'enrollment_required',
        enrollment_token: /^pst_en_/,
        expires_in: 900,
        methods: ['totp'],
        reasons: ['role_requires_second_factor'],
      })
    },
  )

  t.test('it begins, confirms, and is signed in with both factors and ten recovery codes', async (t) => {
    const { account, token } = await enrolling(postern)
    const pending = await begin(postern, token)
    const listed = await list(postern, token)
    t.match(listed.body, { items: [{ id: pending.id, status: 'pending' }], next_cursor: null })

    const { status, body, headers } = await confirm(postern, token, pending.id, pending.code())
    t.equal(status, 200, JSON.stringify(body))
    t.equal(headers['cache-control'], 'no-store')
    t.match(body, {
      status: 'authenticated',
      token_type: 'Bearer',
      acr: 'aal2',
      amr: ['pwd', 'otp', 'mfa'],
      sub: account.id,
      authenticator: { id: pending.id, name: 'Authenticator app', status: 'active' },
    })
    t.equal(body.recovery_codes.length, 10)
    t.match(decodeJwt(body.access_token), { sid: body.sid, acr: 'aal2', roles: ['admin'] })

    const stored = await storedFactors(postern, account)
    t.match(stored, { enrolled: 1, recoveryCodes: 10, authenticators: [{ status: 'active' }] })
    const events = await postern.auditEvents({ accountId: account.id })
    t.same(events.map(({ event }) => event).slice(1), [
      'primary_authentication.passed',
      'authenticator.enrollment_begun',
      'authenticator.confirmed',
      'enrollment.passed',
      'recovery_codes.generated',
    ])
    const passed = events.find(({ event }) => event === 'enrollment.passed')
    t.match(passed, { session_id: body.sid, client_id: 'postern', details: { amr: ['pwd', 'otp', 'mfa'] } })

    const me = await postern.request('GET', '/v1/me', { bearer: body.access_token })
    t.match(me.body.second_factor, { enabled: true, required: true, recovery_codes_remaining: 10 })
    const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token, client_id: 'postern' }
    t.equal((await postern.request('POST', '/oauth2/token', { form })).status, 200)
  })

  t.test('from then on the token is dead, and login asks for a code', async (t) => {
    const { account, token } = await enrolling(postern)
    const pending = await begin(postern, token)
    const other = await begin(postern, token)
    await confirm(postern, token, pending.id, pending.code())
    for (const refused of [
      await list(postern, token),
      await postern.request('POST', '/v1/me/authenticators/totp', { bearer: token }),
      await confirm(postern, token, other.id, other.code()),
    ]) {
      t.equal(refused.status, 401)
      t.equal(refused.body.error, 'invalid_enrollment')
    }
    t.equal((await storedFactors(postern, account)).enrolled, 1)
    t.equal((await postern.logIn(account)).body.status, 'challenge_required')
  })

  t.test('every token of the account is dead once one has been used', async (t) => {
    const { account, token } = await enrolling(postern)
    const second: string = (await postern.logIn(account)).body.enrollment_token
    const pending = await begin(postern, token)
    const other = await begin(postern, second)
    t.equal((await confirm(postern, token, pending.id, pending.code())).status, 200)
    t.equal((await confirm(postern, second, other.id, other.code())).body.error, 'invalid_enrollment')
    t.equal((await storedFactors(postern, account)).enrolled, 1)
  })

  t.test('the token opens these routes and no other', async (t) => {
    const { token } = await enrolling(postern)
    const { paths = {} } = postern.app.swagger()
    const opened: string[] = []
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(operations ?? {})) {
        const { security } = operation as { security?: object[] }
        const url = path.replaceAll(/\{[^}]+\}/g, '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11')
        if (!path.startsWith('/v1/me') && !path.startsWith('/v1/admin') && path !== '/v1/logout') continue
        if (security?.some((scheme) => 'enrollment' in scheme)) {
          opened.push(`${method} ${path}`)
          continue
        }
        const body = BODIES[`${method} ${path}`]
        const name = method.toUpperCase() as 'GET'
        const refused = await postern.request(name, url, { bearer: token, ...(body && { body }) })
        t.equal(refused.status, 401, `${method} ${path}: ${refused.text}`)
        t.equal(refused.body.error, 'invalid_token', `${method} ${path}`)
      }
    }
    t.same(opened, [
      'get /v1/me/authenticators',
      'post /v1/me/authenticators/totp',
      'post /v1/me/authenticators/{id}/confirm',
    ])
  })

  t.test('a challenge token, a refresh token or an invented one cannot enroll', async (t) => {
    const account = await postern.createAccount({ roles: ['admin'] })
    const totp = await postern.enrollTotp(account)
    const challenge: string = (await postern.logIn(account)).body.challenge_token
    const { refresh_token: refresh } = await postern.signIn(account, totp)
    const { token } = await enrolling(postern)
    const invented = `${token.slice(0, -43)}${'A'.repeat(43)}`
    for (const [bearer, error] of [
      [challenge, 'invalid_token'],
      [challenge.replace('pst_ch_', 'pst_en_'), 'invalid_enrollment'],
      [refresh, 'invalid_token'],
      [invented, 'invalid_enrollment'],
      ['pst_en_', 'invalid_enrollment'],
    ] as const) {
      const refused = await postern.request('POST', '/v1/me/authenticators/totp', { bearer })
      t.equal(refused.status, 401)
      t.equal(refused.body.error, error)
    }
  })

  t.test('the token expires after 15 minutes', async (t) => {
    const { token } = await enrolling(postern)
    postern.advance(899)
    t.equal((await list(postern, token)).status, 200)
    postern.advance(1)
    t.equal((await list(postern, token)).body.error, 'invalid_enrollment')
  })

  t.test('a second login can confirm what the first has begun', async (t) => {
    const { account, token } = await enrolling(postern)
    const pending = await begin(postern, token)
    const again: string = (await postern.logIn(account)).body.enrollment_token
    t.equal((await confirm(postern, again, pending.id, pending.code())).status, 200)
  })

  t.test(
    'a wrong code leaves the token as it is; too many lock the account and the token with it',
    async (t) => {
      const { account, token } = await enrolling(postern)
      const pending = await begin(postern, token)
      const wrong = wrongCode(pending, postern.now())
      const refused = await confirm(postern, token, pending.id, wrong)
      t.match(refused.body, { error: 'invalid_code', attempts_remaining: 4 })
      for (let count = 0; count < 4; count += 1) await confirm(postern, token, pending.id, wrong)
      const locked = await confirm(postern, token, pending.id, pending.code())
      t.match(locked, { status: 429, body: { error: 'account_locked' } })
      t.match(await storedFactors(postern, account), { enrolled: 0, recoveryCodes: 0 })
    },
  )

  t.test('an account that is disabled meanwhile is refused', async (t) => {
    const { account, token } = await enrolling(postern)
    const pending = await begin(postern, token)
    const sql = { name: 'test_disable', text: `UPDATE accounts SET status = 'disabled' WHERE id = $1` }
    await postern.deps.postgres.query(sql, [account.id])
    t.equal((await confirm(postern, token, pending.id, pending.code())).body.error, 'invalid_enrollment')
    t.match(await storedFactors(postern, account), { enrolled: 0 })
  })

  t.test(
    'an enrollment token opens nothing where its account has an authenticator, or is disabled',
    async (t) => {
      for (const change of [
        'UPDATE accounts SET enrolled_authenticators = 1 WHERE id = $1',
        `UPDATE accounts SET status = 'disabled' WHERE id = $1`,
      ]) {
        const { account, token } = await enrolling(postern)
        const own = () => postern.request('GET', '/v1/me/authenticators', { bearer: token })
        t.equal((await own()).status, 200)
        await postern.deps.postgres.query({ text: change }, [account.id])
        t.match(await own(), { status: 401, body: { error: 'invalid_enrollment' } }, change)
        const began = await postern.request('POST', '/v1/me/authenticators/totp', { bearer: token })
        t.match(began, { status: 401, body: { error: 'invalid_enrollment' } }, change)
        t.same((await storedFactors(postern, account)).authenticators, [])
      }
    },
  )

  t.test('of fifty confirmations at once one signs in', async (t) => {
    const { subject, outcomes } = await race(postern, 50, {
      prepare: async () => {
        const { account, token } = await enrolling(postern)
        return { account, token, pending: await begin(postern, token) }
      },
      attempt: ({ token, pending }) => confirm(postern, token, pending.id, pending.code()),
    })
    const { account, pending } = subject
    const counts = countByStatus(outcomes)
    t.equal(counts[200], 1, JSON.stringify(counts))
    t.notOk(counts[500], JSON.stringify(counts))
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })
    t.equal((await postern.deps.ephemeral.sessions.list(account.id, postern.now().getTime())).length, 1)
    const totp = { authenticatorId: pending.id, secret: pending.secret, code: pending.code }
    t.ok(await postern.signIn(account, totp), 'the account is not locked')
  })

  testOnServers(t, 'of two authenticators confirmed at once by two tokens one wins', async (t) => {
    const { account, token } = await enrolling(postern)
    const second: string = (await postern.logIn(account)).body.enrollment_token
    const [one, two] = [await begin(postern, token), await begin(postern, second)]
    const held = await holdAccount(t, postern, account)
    const answers = Promise.all([
      confirm(postern, token, one.id, one.code()),
      confirm(postern, second, two.id, two.code()),
    ])
    await held.untilWaiting(2)
    await held.release()
    const settled = await answers
    t.same(countByStatus(settled), { 200: 1, 401: 1 })
    t.equal(settled.find(({ status }) => status === 401)?.body.error, 'invalid_enrollment')
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })
  })

  testOnServers(
    t,
    'where everything is ended meanwhile, nothing is enrolled and nobody is signed in',
    async (t) => {
      const { account, token } = await enrolling(postern)
      const pending = await begin(postern, token)
      const held = await holdAccount(t, postern, account)
      const answer = confirm(postern, token, pending.id, pending.code())
      await held.untilWaiting(1)
      await postern.deps.ephemeral.sessions.endAll(account.id, null, postern.now().getTime())
      await held.release()
      t.equal((await answer).body.error, 'invalid_enrollment')
      t.match(await storedFactors(postern, account), {
        enrolled: 0,
        recoveryCodes: 0,
        authenticators: [{ status: 'pending', last_time_step: 0 }],
      })
      t.same(await postern.auditEvents({ accountId: account.id, event: 'authenticator.confirmed' }), [])
    },
  )

  t.test('a forwarding client’s user enrolls likewise, and keeps the address the client named', async (t) => {
    const client = await postern.createClient({
      scopes: ['challenges', 'postern:me'],
      audience: [postern.config.issuer],
    })
    const body = { subject: 'flask-42', roles: ['admin'], ip: '203.0.113.9', user_agent: 'Firefox' }
    const opened = await postern.request('POST', '/v1/challenges', { basic: client, body })
    t.equal(opened.body.status, 'enrollment_required', opened.text)
    const token: string = opened.body.enrollment_token
    const pending = await begin(postern, token)
    const confirmed = await confirm(postern, token, pending.id, pending.code())
    t.equal(confirmed.status, 200, confirmed.text)
    t.match(decodeJwt(confirmed.body.access_token), { client_id: client.clientId })
    const sessions = await postern.request('GET', '/v1/me/sessions', { bearer: confirmed.body.access_token })
    t.match(sessions.body.items, [{ ip: '203.0.113.9', user_agent: 'Firefox', client_id: client.clientId }])
  })

  t.test('a token of a client that is gone signs nobody in', async (t) => {
    const client = await postern.createClient()
    const body = { subject: 'flask-43', roles: ['admin'] }
    const opened = await postern.request('POST', '/v1/challenges', { basic: client, body })
    const token: string = opened.body.enrollment_token
    const pending = await begin(postern, token)
    const sql = {
      name: 'test_forget',
      text: `UPDATE accounts SET client_id = 'postern' WHERE client_id = $1`,
    }
    await postern.deps.postgres.query(sql, [client.clientId])
    const gone = { name: 'test_delete_client', text: 'DELETE FROM clients WHERE client_id = $1' }
    await postern.deps.postgres.query(gone, [client.clientId])
    postern.deps.clients.forgetAll()
    t.equal((await confirm(postern, token, pending.id, pending.code())).body.error, 'invalid_enrollment')
  })
})
