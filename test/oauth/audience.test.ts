// docs/security.md 42: a token is for one party, and Postern's own routes take only those made for them.
import { decodeJwt } from 'jose'
import t from 'tap'
import {
  openTestApp,
  type TestAccount,
  type TestApp,
  type TestClient,
  type TestTotp,
} from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()
const ISSUER = 'http://localhost:8400'
const REPORTS = 'https://reports.example'
const ALL = ['openid', 'profile', 'postern:me', 'postern:admin']

const audienceOf = (token: string) => decodeJwt(token).aud

/** Signs in through a first-party backend's client, with both factors where there are two. */
const signInThrough = async (
  postern: TestApp,
  client: TestClient,
  { username, password }: TestAccount,
  totp?: TestTotp,
) => {
  const body = { username, password }
  const opened = await postern.request('POST', '/v1/login', { basic: client, body })
  if (!totp) return opened.body
  postern.advance(30)
  const answer = { challenge_token: opened.body.challenge_token, method: 'totp', code: totp.code() }
  return (await postern.request('POST', '/v1/challenges/verify', { basic: client, body: answer })).body
}

const refresh = (postern: TestApp, client: TestClient, token: string, resource?: string) =>
  postern.request('POST', '/oauth2/token', {
    basic: client,
    form: { grant_type: 'refresh_token', refresh_token: token, ...(resource !== undefined && { resource }) },
  })

t.test('a resource server does nothing at Postern with a token that it was sent', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const client = await postern.createClient({ firstParty: true, scopes: ALL, audience: [REPORTS] })
  const administrator = await postern.createAccount({ roles: ['admin'] })
  const tokens = await signInThrough(postern, client, administrator, await postern.enrollTotp(administrator))
  t.same(audienceOf(tokens.access_token), [REPORTS])

  const bearer: string = tokens.access_token
  const newcomer = { username: 'mallory', password: 'a long enough passphrase', roles: ['admin'] }
  for (const [method, url, body] of [
    ['POST', '/v1/admin/accounts', newcomer],
    ['GET', '/v1/me', undefined],
    ['POST', '/v1/me/authenticators/totp', {}],
    ['POST', '/v1/me/step-up', {}],
    ['POST', '/v1/logout', undefined],
    ['POST', '/v1/challenges', { subject: 'someone' }],
  ] as const) {
    const refused = await postern.request(method, url, { bearer, ...(body && { body }) })
    t.match(refused, { status: 401, body: { error: 'invalid_token' } }, `${method} ${url}`)
  }
  const find = { name: 'test_mallory', text: `SELECT id FROM accounts WHERE username = 'mallory'` }
  t.same(await postern.deps.postgres.query(find), [])
})

t.test('without a resource, a token is for one party that follows from the client', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  t.same(audienceOf((await postern.signIn(account)).access_token), [ISSUER], 'the built-in client')
  const several = await postern.createClient({
    firstParty: true,
    scopes: ALL,
    audience: [REPORTS, 'https://api.example'],
  })
  t.same(audienceOf((await signInThrough(postern, several, account)).access_token), [REPORTS])

  const third = await postern.createClient({ scopes: ['challenges', 'openid'] })
  const { body } = await postern.request('POST', '/v1/challenges', { basic: third, body: { subject: 'a' } })
  t.same(audienceOf(body.access_token), [third.clientId])
  const own = async (client: TestClient, form: object = {}) => {
    const answer = await postern.request('POST', '/oauth2/token', {
      basic: client,
      form: { grant_type: 'client_credentials', ...form },
    })
    return [audienceOf(answer.body.access_token), answer.body.scope]
  }
  t.same(await own(third), [[ISSUER], 'challenges'], 'it can do nothing but at Postern')
  const gateway = await postern.createClient({ scopes: ['challenges'], audience: [REPORTS] })
  t.same(await own(gateway), [[REPORTS], ''])
  t.same(await own(gateway, { resource: ISSUER }), [[ISSUER], 'challenges'])
  const form = { grant_type: 'client_credentials', scope: 'challenges' }
  const elsewhere = await postern.request('POST', '/oauth2/token', { basic: gateway, form })
  const bearer: string = elsewhere.body.access_token
  t.match(await postern.request('POST', '/v1/challenges', { bearer, body: { subject: 'a' } }), {
    status: 401,
    body: { error: 'invalid_token' },
  })
})

t.test('a renewal names another resource of the client, and no other', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const client = await postern.createClient({ firstParty: true, scopes: ALL, audience: [REPORTS] })
  const first = await signInThrough(postern, client, await postern.createAccount())
  t.equal(first.scope, 'openid profile', "Postern's own scopes are in no one else's token")
  t.equal(decodeJwt(first.access_token).scope, 'openid profile')

  const unknown = await refresh(postern, client, first.refresh_token, 'https://else.example')
  t.match(unknown, { status: 400, body: { error: 'invalid_target', fields: ['resource'] } })
  const own = await refresh(postern, client, first.refresh_token, ISSUER)
  t.equal(own.status, 200, 'the refused one has used nothing up')
  t.same(audienceOf(own.body.access_token), [ISSUER])
  t.equal(own.body.scope, ALL.join(' '))
  t.equal((await postern.request('GET', '/v1/me', { bearer: own.body.access_token })).status, 200)

  const back = await refresh(postern, client, own.body.refresh_token, REPORTS)
  t.same(audienceOf(back.body.access_token), [REPORTS])
  const form = { grant_type: 'client_credentials', resource: 'https://else.example' }
  const machine = await postern.request('POST', '/oauth2/token', { basic: client, form })
  t.match(machine, { status: 400, body: { error: 'invalid_target' } })
})

t.test("Postern's own routes ask for the scope that names what they do", { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount({ roles: ['admin'] })
  const totp = await postern.enrollTotp(account)
  const statuses = async (scope: string) => {
    const { username, password } = account
    const opened = await postern.request('POST', '/v1/login', { body: { username, password, scope } })
    postern.advance(30)
    const passed = await postern.request('POST', '/v1/challenges/verify', {
      body: { challenge_token: opened.body.challenge_token, method: 'totp', code: totp.code() },
    })
    t.equal(passed.body.scope, scope)
    const bearer = passed.body.access_token
    const answers = []
    for (const url of ['/v1/me', '/v1/me/sessions', '/v1/admin/policy'])
      answers.push(await postern.request('GET', url, { bearer }))
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      t.match(answer, { status: 403, body: { error: 'insufficient_scope' } })
      t.match(answer.headers['www-authenticate'], /^Bearer error="insufficient_scope"/)
    }
    t.equal(
      (await postern.request('POST', '/v1/logout', { bearer })).status,
      204,
      'its own session it may end',
    )
    return answers.map(({ status }) => status)
  }
  t.same(await statuses('openid'), [403, 403, 403])
  t.same(await statuses('openid postern:me'), [200, 200, 403])
  t.same(await statuses('postern:admin'), [403, 403, 200])
  t.match(await postern.auditEvents({ event: 'access.refused', accountId: account.id }), [
    { details: { reason: 'insufficient_scope' } },
    { details: { reason: 'insufficient_scope' } },
  ])
})
