import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { injectPatiently } from '../support/inject.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const
const FORM = 'application/x-www-form-urlencoded'
const STATE = {
  name: 'test_state',
  text: `
    SELECT (SELECT count(*) FROM accounts) AS accounts,
           (SELECT count(*) FROM authenticators) AS authenticators,
           (SELECT count(*) FROM recovery_codes) AS recovery_codes,
           (SELECT count(*) FROM clients) AS clients,
           (SELECT count(*) FROM settings) AS settings,
           (SELECT count(*) FROM signing_keys) AS signing_keys,
           (SELECT count(*) FROM audit_events) AS audit_events`,
}

type Bad = { name: string; payload?: string; type?: string; query?: string }

/** A body of `size` bytes that is one valid JSON object. */
const ofSize = (size: number): string => JSON.stringify({ x: 'x'.repeat(size) })

const BAD_JSON: Bad[] = [
  { name: 'an empty body', payload: '' },
  { name: 'null', payload: 'null' },
  { name: 'an array', payload: '[]' },
  { name: 'an array of objects', payload: '[{}]' },
  { name: 'a number', payload: '1' },
  { name: 'a string', payload: '"x"' },
  { name: 'a boolean', payload: 'true' },
  { name: 'half an object', payload: '{"a":' },
  { name: 'an unknown member', payload: '{"unknown_member":1}' },
  { name: 'a prototype', payload: '{"__proto__":{"a":1}}' },
  { name: 'a prototype that is none', payload: '{"__proto__":1}' },
  { name: 'a prototype in other letters', payload: '{"\\u005f_proto__":{"a":1}}' },
  { name: 'a constructor', payload: '{"constructor":{"prototype":{"a":1}}}' },
  { name: 'what objects have of themselves', payload: '{"hasOwnProperty":1,"toString":2}' },
  { name: 'an unknown member twice', payload: '{"unknown_member":1,"unknown_member":2}' },
  { name: 'with a character set', payload: '{"unknown_member":1}', type: 'application/json; charset=utf-8' },
  { name: 'half a character', payload: '{"\\ud800":1}' },
  { name: 'too much', payload: ofSize(70_000) },
  { name: 'text', payload: 'a=b', type: 'text/plain' },
  { name: 'something like JSON', payload: '{}', type: 'application/jsonp' },
  { name: 'parts', payload: '--x--', type: 'multipart/form-data; boundary=x' },
  { name: 'no type at all', payload: '{}', type: ';' },
  { name: 'XML', payload: '<a/>', type: 'application/xml' },
  { name: 'a form', payload: 'a=b', type: FORM },
  { name: 'no content type', payload: '{}', type: '' },
]

const BAD_FORMS: Bad[] = [
  { name: 'an empty form', payload: '', type: FORM },
  { name: 'an unknown member', payload: 'grant_type=refresh_token&unknown_member=1', type: FORM },
  { name: 'too much', payload: `grant_type=${'x'.repeat(70_000)}`, type: FORM },
  { name: 'a prototype', payload: 'grant_type=refresh_token&__proto__=1', type: FORM },
  { name: 'a member twice', payload: 'grant_type=refresh_token&grant_type=refresh_token', type: FORM },
  { name: 'JSON', payload: '{"grant_type":"refresh_token"}', type: 'application/json' },
  { name: 'text', payload: 'grant_type=refresh_token', type: 'text/plain' },
]

/** Routes whose body's members are all optional may be called without one. */
const BODY_OPTIONAL = new Set([
  'post /v1/admin/keys/rotate',
  'post /v1/me/authenticators/totp',
  'post /v1/me/recovery-codes',
  'post /v1/me/step-up',
])

/**
 * These ignore parameters that they do not know (RFC 6749 3.1), and answer the client, or a page; userinfo asks for a token
 * first. Their own tests have what they refuse.
 */
const OF_THE_PROTOCOL = ['/oauth2/authorize', '/oauth2/logout', '/oauth2/par', '/oauth2/userinfo']

t.test('malformed input is a 400 on every route, and nothing is stored', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const administrator = await postern.createAccount({ roles: ['admin'] })
  const { access_token: bearer } = await postern.signIn(
    administrator,
    await postern.enrollTotp(administrator),
  )
  const { clientId, secret } = await postern.createClient()
  /** Callers that the guards admit: only their bodies are read. */
  const credentialsFor = (path: string): Record<string, string> => {
    if (/^\/v1\/(me|admin|logout)\b/.test(path)) return { authorization: `Bearer ${bearer}` }
    return path.startsWith('/v1/challenges')
      ? { authorization: `Basic ${btoa(`${clientId}:${secret}`)}` }
      : {}
  }
  const before = await postern.deps.postgres.query(STATE)
  const { paths = {} } = postern.app.swagger()

  for (const [path, operations] of Object.entries(paths)) {
    if (OF_THE_PROTOCOL.includes(path)) continue
    for (const method of METHODS) {
      const operation = operations?.[method]
      if (!operation) continue
      const url = path.replaceAll(/\{[^}]+\}/g, '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11')
      const { requestBody } = operation
      const content = requestBody && 'content' in requestBody ? requestBody.content : {}
      const takesForm = FORM in content
      const bodies = takesForm ? BAD_FORMS : BAD_JSON
      const optional = requestBody === undefined || BODY_OPTIONAL.has(`${method} ${path}`)

      t.test(`${method.toUpperCase()} ${path}`, async (t) => {
        const send = ({ payload, type = 'application/json', query = '' }: Bad) =>
          injectPatiently(postern.app, {
            method: method.toUpperCase() as 'POST',
            url: url + query,
            headers: {
              ...credentialsFor(path),
              ...(type !== '' && { 'content-type': type }),
            },
            ...(payload !== undefined && { payload }),
          })
        if (method !== 'get') {
          for (const bad of bodies) {
            if (optional && bad.payload === '') continue
            const { statusCode, body } = await send(bad)
            t.equal(statusCode, 400, `${bad.name}: ${body}`)
            t.match(JSON.parse(body), {
              error: 'invalid_request',
              error_description: String,
              request_id: String,
            })
          }
        }
        const query = await send({ name: 'an unknown query parameter', query: '?unknown_member=1' })
        t.equal(query.statusCode, 400, query.body)
      })
    }
  }
  t.same(await postern.deps.postgres.query(STATE), before)
})

t.test(
  'where a member is there twice the last counts, and a character set makes no difference',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    const { username, password } = await postern.createAccount()
    const twice = `{"username":"nobody","password":"x","username":"${username}","password":"${password}"}`
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'Application/JSON;charset="UTF-8"',
    ]) {
      const answer = await postern.app.inject({
        method: 'POST',
        url: '/v1/login',
        headers: { 'content-type': type },
        payload: twice,
      })
      t.equal(answer.statusCode, 200, answer.body)
    }
  },
)

t.test('a refusal says in plain words what is wrong and what to send', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const administrator = await postern.createAccount({ roles: ['admin'] })
  const { access_token: bearer } = await postern.signIn(
    administrator,
    await postern.enrollTotp(administrator),
  )
  const SCOPES = 'openid, profile, email, offline_access, phone, address, roles, postern:me and others'
  const long = 'x'.repeat(5_000)
  const account = `/v1/admin/accounts/${administrator.id}`
  const cases: [
    method: 'POST' | 'PATCH' | 'GET',
    url: string,
    Bad,
    description: string,
    fields?: string[],
  ][] = [
    [
      'POST',
      '/v1/login',
      { name: 'an unknown member', payload: '{"username":"x","password":"x","bogus":1}' },
      'bogus is not a known member.',
      ['bogus'],
    ],
    [
      'POST',
      '/v1/login',
      {
        name: 'an unknown member of a long name',
        payload: `{"username":"x","password":"x","${long}":1}`,
      },
      `${'x'.repeat(64)}… is not a known member.`,
      [`${'x'.repeat(64)}…`],
    ],
    [
      'POST',
      '/v1/login',
      { name: 'a member missing', payload: '{"username":"x"}' },
      'password is missing.',
      ['password'],
    ],
    [
      'PATCH',
      account,
      { name: 'none of a union', payload: '{"status":"gone"}' },
      'status must be one of: active, disabled.',
      ['status'],
    ],
    [
      'PATCH',
      account,
      { name: 'no text for a union of texts', payload: '{"status":5}' },
      'status must be one of: active, disabled.',
      ['status'],
    ],
    [
      'GET',
      '/v1/admin/audit?outcome=maybe',
      { name: 'none of the values, in a query' },
      'outcome must be one of: success, failure.',
      ['outcome'],
    ],
    [
      'POST',
      '/v1/admin/clients',
      { name: 'none of the values', payload: '{"name":"x","scopes":["bogus"]}' },
      `scopes/0 must be one of: ${SCOPES}.`,
      ['scopes/0'],
    ],
    [
      'POST',
      '/v1/admin/clients',
      { name: 'another type, in the words of the validator', payload: '{"name":5}' },
      'name must be string.',
      ['name'],
    ],
    ['POST', '/v1/login', { name: 'no body' }, 'body is missing.', ['body']],
    ['POST', '/v1/login', { name: 'an empty body', payload: '' }, 'body is missing.', ['body']],
    ['POST', '/v1/login', { name: 'a list', payload: '[]' }, 'body must be object.', ['body']],
    ['POST', '/v1/login', { name: 'text', payload: 'x', type: 'text/plain' }, 'Send application/json.'],
    ['POST', '/v1/login', { name: 'no content type', payload: '{}', type: '' }, 'Send application/json.'],
    ['POST', '/v1/login', { name: 'half a type', payload: '{}', type: ';' }, 'Send application/json.'],
    [
      'POST',
      '/oauth2/token',
      { name: 'JSON for a form', payload: '{}', type: 'application/json' },
      `Send ${FORM}.`,
    ],
  ]
  for (const [method, url, { name, payload, type = 'application/json' }, description, fields] of cases) {
    const answer = await postern.app.inject({
      method,
      url,
      headers: {
        ...(url.startsWith('/v1/admin') && { authorization: `Bearer ${bearer}` }),
        ...(payload !== undefined && type !== '' && { 'content-type': type }),
      },
      ...(payload !== undefined && { payload }),
    })
    const { error, error_description, fields: named } = answer.json()
    t.same(
      { error, error_description, fields: named },
      { error: 'invalid_request', error_description: description, fields },
      name,
    )
  }
})

t.test('an unknown route is a 404 in the same shape', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const answer = await postern.request('GET', '/v1/nothing')
  t.match(answer, { status: 404, body: { error: 'not_found', request_id: String } })
  t.equal(answer.headers['x-request-id'], answer.body.request_id)
})

t.test('more requests than a network may send are a 429', { skip }, async (t) => {
  const postern = await openTestApp(t, { environment: { POSTERN_RATE_LIMIT: '3' } })
  const send = (ip: string) => postern.request('GET', '/.well-known/jwks.json', { ip })
  for (let i = 0; i < 3; i += 1) t.equal((await send(`2001:db8::${i}`)).status, 200)
  const limited = await send('2001:db8::9')
  t.match(limited, { status: 429, body: { error: 'rate_limited', request_id: String } })
  t.ok(Number(limited.headers['retry-after']) >= 1)
  t.equal((await send('2001:db8:0:1::1')).status, 200, 'another network is not meant')
  t.equal(
    (await postern.request('GET', '/healthz', { ip: '2001:db8::9' })).status,
    200,
    'nor is who checks health',
  )
})
