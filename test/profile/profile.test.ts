import t from 'tap'
import { openTestApp, PASSWORD } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { begin, confirm } from '../support/enrollment.ts'

const skip = onBothEngines()

t.test('an account’s own profile', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('says who it is, and that it has no second factor', async (t) => {
    const account = await postern.createAccount({ roles: ['user', 'viewer'], email: 'ada@example.org' })
    const { access_token: bearer } = await postern.signIn(account)
    const { status, body, headers } = await postern.request('GET', '/v1/me', { bearer })
    t.equal(status, 200)
    t.equal(headers['cache-control'], 'no-store')
    t.same(body, {
      id: account.id,
      username: account.username,
      email: 'ada@example.org',
      display_name: null,
      roles: ['user', 'viewer'],
      status: 'active',
      second_factor: { enabled: false, required: false, methods: [], recovery_codes_remaining: 0 },
      claims: {},
      created_at: body.created_at,
    })
  })

  t.test('says so once it has one, and whether it must have one', async (t) => {
    const account = await postern.createAccount({ roles: ['admin'] })
    const token: string = (await postern.logIn(account)).body.enrollment_token
    const pending = await begin(postern, token)
    const bearer: string = (await confirm(postern, token, pending.id, pending.code())).body.access_token
    const { body } = await postern.request('GET', '/v1/me', { bearer })
    t.same(body.second_factor, {
      enabled: true,
      required: true,
      methods: ['totp', 'recovery_code'],
      recovery_codes_remaining: 10,
    })
  })

  t.test('takes another display name, or none, and records that it changed', async (t) => {
    const account = await postern.createAccount()
    const { access_token: bearer } = await postern.signIn(account)
    const change = (body: object) => postern.request('PATCH', '/v1/me', { bearer, body })
    t.match(await change({ display_name: 'Ada Lovelace' }), {
      status: 200,
      body: { id: account.id, display_name: 'Ada Lovelace' },
    })
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'account.changed' })
    t.same(event?.details, { changed: { display_name: true } })
    t.equal(event?.actor_id, account.id)
    t.equal((await change({ display_name: null })).body.display_name, null)
    for (const body of [
      {},
      { display_name: '' },
      { display_name: 'a\u0007b' },
      { email: 'eve@example.org' },
      { roles: ['admin'] },
      { display_name: 'Eve', status: 'active' },
    ]) {
      t.equal((await change(body)).status, 400, JSON.stringify(body))
    }
  })

  t.test('a client’s external subject has its name from its client', async (t) => {
    const basic = await postern.createClient({
      scopes: ['challenges', 'postern:me'],
      audience: [postern.config.issuer],
    })
    const opened = await postern.request('POST', '/v1/challenges', {
      basic,
      body: { subject: 'flask-1', display_name: 'Ada' },
    })
    const bearer: string = opened.body.access_token
    const refused = await postern.request('PATCH', '/v1/me', { bearer, body: { display_name: 'Eve' } })
    t.equal(refused.status, 400)
    t.match((await postern.request('GET', '/v1/me', { bearer })).body, {
      display_name: 'Ada',
      username: null,
    })
  })

  t.test('is refused once the account is disabled or gone', async (t) => {
    const [disabled, gone] = [await postern.createAccount(), await postern.createAccount()]
    const bearers = [(await postern.signIn(disabled)).access_token, (await postern.signIn(gone)).access_token]
    const { postgres } = postern.deps
    const disable = { name: 'test_disable', text: `UPDATE accounts SET status = 'disabled' WHERE id = $1` }
    await postgres.query(disable, [disabled.id])
    await postgres.query({ name: 'test_delete', text: 'DELETE FROM accounts WHERE id = $1' }, [gone.id])
    for (const bearer of bearers) {
      for (const path of ['/v1/me', '/v1/me/activity', '/v1/me/authenticators', '/v1/me/recovery-codes']) {
        t.equal((await postern.request('GET', path, { bearer })).body.error, 'invalid_token', path)
      }
    }
  })

  t.test('needs an access token of a person whose session lives', async (t) => {
    const basic = await postern.createClient()
    const machine = await postern.request('POST', '/oauth2/token', {
      basic,
      form: { grant_type: 'client_credentials' },
    })
    for (const bearer of [machine.body.access_token, 'pst_en_x', 'abc', undefined]) {
      const refused = await postern.request('GET', '/v1/me', { ...(bearer && { bearer }) })
      t.match(refused, { status: 401, body: { error: 'invalid_token' } })
      t.match(refused.headers['www-authenticate'], /^Bearer error="invalid_token"/)
    }
  })
})

t.test('changing one’s password', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const NEW = 'another one of some length'

  t.test('takes the current one, and ends every session but this', async (t) => {
    const account = await postern.createAccount()
    const other = await postern.signIn(account)
    const { access_token: bearer } = await postern.signIn(account)
    const body = { current_password: PASSWORD, new_password: NEW }
    t.equal((await postern.request('PUT', '/v1/me/password', { bearer, body })).status, 204)
    t.equal((await postern.request('GET', '/v1/me', { bearer })).status, 200)
    t.equal((await postern.request('GET', '/v1/me', { bearer: other.access_token })).status, 401)
    t.equal((await postern.logIn(account)).body.error, 'invalid_credentials')
    t.equal((await postern.logIn({ ...account, password: NEW })).status, 200)
  })

  t.test('keeps the other sessions where that is asked for', async (t) => {
    const account = await postern.createAccount()
    const other = await postern.signIn(account)
    const { access_token: bearer } = await postern.signIn(account)
    const body = { current_password: PASSWORD, new_password: NEW, keep_other_sessions: true }
    t.equal((await postern.request('PUT', '/v1/me/password', { bearer, body })).status, 204)
    t.equal((await postern.request('GET', '/v1/me', { bearer })).status, 200)
    t.equal((await postern.request('GET', '/v1/me', { bearer: other.access_token })).status, 200)
  })

  t.test('is refused with a wrong one, and the old one stays', async (t) => {
    const account = await postern.createAccount()
    const { access_token: bearer } = await postern.signIn(account)
    const body = { current_password: 'wrong', new_password: NEW }
    const refused = await postern.request('PUT', '/v1/me/password', { bearer, body })
    t.match(refused, { status: 401, body: { error: 'invalid_credentials', fields: ['current_password'] } })
    t.equal((await postern.logIn(account)).status, 200)
  })
})
