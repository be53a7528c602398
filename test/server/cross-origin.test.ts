import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { newDpopKey } from '../support/dpop.ts'
import { onBothEngines } from '../support/embedded.ts'
import { routesOf } from '../support/routes.ts'

const skip = onBothEngines()

const ORIGIN = 'https://app.example'
const OTHER = 'https://other.example'
const SHARED = [
  '/.well-known/jwks.json',
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/oauth2/revoke',
  '/oauth2/token',
  '/oauth2/userinfo',
]

t.test('pages of other origins', { skip }, async (t) => {
  const { built: postern, routes } = await routesOf(() => openTestApp(t))
  const spa = { tokenEndpointAuthMethod: 'none' as const, firstParty: true, scopes: ['openid'] }
  const { clientId } = await postern.createClient({ ...spa, webOrigins: [ORIGIN] })
  await postern.createClient({ ...spa, webOrigins: [OTHER] })
  const allowed = ({ headers }: { headers: Record<string, unknown> }) =>
    headers['access-control-allow-origin']

  t.test('are told by a preflight what they may send, where they are registered', async (t) => {
    const ask = (url: string, origin: string) =>
      postern.app.inject({
        method: 'OPTIONS',
        url,
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'dpop',
        },
      })
    for (const path of SHARED) {
      const { statusCode, headers } = await ask(path, ORIGIN)
      t.equal(statusCode, 204, path)
      t.match(headers, {
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-headers': 'Authorization, Content-Type, DPoP',
        'access-control-allow-methods': /GET|POST/,
        vary: /Origin/,
      })
      t.notOk('access-control-allow-credentials' in headers, path)
      for (const stranger of [
        'https://evil.example',
        'null',
        `${ORIGIN}.evil.example`,
        'http://app.example',
      ]) {
        t.notOk(allowed(await ask(path, stranger)), `${path} ${stranger}`)
      }
    }
  })

  t.test('read discovery and keys, where any client has registered them', async (t) => {
    for (const path of SHARED.filter((one) => one.startsWith('/.well-known'))) {
      const get = (headers: Record<string, string>) => postern.request('GET', path, { headers })
      t.equal(allowed(await get({ origin: OTHER })), OTHER)
      t.notOk(allowed(await get({ origin: 'https://evil.example' })))
      t.match((await get({})).headers.vary, /Origin/, 'also for a cache that was asked without an origin')
    }
  })

  t.test('read what the token endpoint answers to their own client, errors and nonces too', async (t) => {
    const key = await newDpopKey()
    const dpop = await key.proof(postern, {
      method: 'POST',
      path: '/oauth2/token',
      claims: { nonce: undefined },
    })
    const form = { grant_type: 'refresh_token', refresh_token: 'x', client_id: clientId }
    const ask = (origin: string) =>
      postern.request('POST', '/oauth2/token', { form, headers: { origin, dpop } })
    const own = await ask(ORIGIN)
    t.match(own, { status: 400, body: { error: 'use_dpop_nonce' } })
    t.equal(allowed(own), ORIGIN)
    t.match(own.headers['access-control-expose-headers'], /DPoP-Nonce.*WWW-Authenticate/)
    t.notOk(allowed(await ask(OTHER)), "not another client's pages")
    const unknown = { ...form, client_id: 'nobody' }
    const headers = { origin: ORIGIN }
    t.notOk(allowed(await postern.request('POST', '/oauth2/token', { form: unknown, headers })))
  })

  t.test('read userinfo by a token of their own client', async (t) => {
    const { username, password } = await postern.createAccount()
    const body = { username, password, client_id: clientId }
    const { access_token: bearer } = (await postern.request('POST', '/v1/login', { body })).body
    const ask = (origin: string, token: string) =>
      postern.request('GET', '/oauth2/userinfo', { bearer: token, headers: { origin } })
    t.match(await ask(ORIGIN, bearer), { status: 200, headers: { 'access-control-allow-origin': ORIGIN } })
    t.notOk(allowed(await ask(OTHER, bearer)))
    const refused = await ask(ORIGIN, 'x.y.z')
    t.match(
      refused,
      { status: 401, headers: { 'access-control-allow-origin': ORIGIN } },
      'what to do instead',
    )
  })

  t.test('read nothing else', async (t) => {
    const others = routes
      .filter(({ url }) => !SHARED.includes(url))
      .flatMap(({ url, method }) => [method].flat().map((one) => ({ url, method: one })))
    for (const { url, method } of others) {
      const headers = { origin: ORIGIN }
      const answer = await postern.app.inject({ method: method as 'GET', url, headers })
      t.notOk(allowed(answer), `${method} ${url}`)
    }
    const preflight = await postern.app.inject({
      method: 'OPTIONS',
      url: '/v1/me',
      headers: { origin: ORIGIN, 'access-control-request-method': 'GET' },
    })
    t.equal(preflight.statusCode, 405)
  })
})
