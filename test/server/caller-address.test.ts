import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const PROXY = '10.0.0.1'
const NO_ADDRESS = [
  '192.0.2.7:5123',
  '[2001:db8::7]:5123',
  'unknown',
  '_hidden',
  'fe80::1%eth0',
  '192.0.2.007',
  '192.0.2',
  '3221225991',
  '0x7f.1',
  '192.0.2.7/32',
  'for=192.0.2.7',
  'a'.repeat(8_000),
  '198.51.100.1, 192.0.2.7:5123',
]

const wrongLogin = { username: 'nobody', password: 'a wrong password' }

t.test('where a proxy names something that is not an address, its own is recorded', { skip }, async (t) => {
  const postern = await openTestApp(t, { environment: { POSTERN_TRUSTED_PROXIES: '10.0.0.0/8' } })
  const logIn = (forwarded: string, ip = PROXY) =>
    postern.request('POST', '/v1/login', {
      body: wrongLogin,
      headers: { 'x-forwarded-for': forwarded },
      ip,
    })
  const recorded = async () => (await postern.auditEvents()).map(({ ip }) => ip)
  for (const forwarded of NO_ADDRESS) {
    const answer = await logIn(forwarded)
    t.match(answer, { status: 401, body: { error: 'invalid_credentials' } }, forwarded.slice(0, 40))
    t.equal((await recorded()).at(-1), PROXY, forwarded.slice(0, 40))
  }
  await logIn('192.0.2.7')
  t.equal((await recorded()).at(-1), '192.0.2.7', 'an address is believed')
  await logIn('unknown, 2001:db8::7, 10.0.0.2')
  t.equal((await recorded()).at(-1), '2001:db8::7', 'what is before it does not count')
  await logIn('192.0.2.7', '203.0.113.9')
  t.equal((await recorded()).at(-1), '203.0.113.9', 'not from anyone but a proxy')
})

t.test('a link-local peer counts as its address without the zone', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const answer = await postern.request('POST', '/v1/login', { body: wrongLogin, ip: 'fe80::1%eth0' })
  t.equal(answer.status, 401)
  t.equal((await postern.auditEvents()).at(-1)?.ip, 'fe80::1')
})

t.test('a forwarded value that is not an address does not get past the rate limit', { skip }, async (t) => {
  const postern = await openTestApp(t, {
    environment: { POSTERN_TRUSTED_PROXIES: '10.0.0.0/8', POSTERN_RATE_LIMIT: '3' },
  })
  const ask = (forwarded: string) =>
    postern.request('GET', '/.well-known/jwks.json', {
      headers: { 'x-forwarded-for': forwarded },
      ip: PROXY,
    })
  for (let i = 0; i < 3; i += 1) t.equal((await ask(`192.0.2.7:${5_000 + i}`)).status, 200)
  t.equal((await ask('192.0.2.8:5123')).status, 429)
  t.equal((await ask('unknown')).status, 429)
  t.equal((await ask('192.0.2.8')).status, 200, 'who is named by address is counted apart')
})

t.test('requests for unknown routes are counted like any others', { skip }, async (t) => {
  for (const [method, url] of [
    ['GET', '/v1/nothing'],
    ['POST', '/v1/nothing'],
    ['GET', '/%zz'],
    ['GET', '/%6detrics'],
    ['DELETE', '/healthz'],
    ['GET', '/v1/me'],
  ] as const) {
    const postern = await openTestApp(t, { environment: { POSTERN_RATE_LIMIT: '3' } })
    const ask = () => postern.app.inject({ method, url, payload: method === 'GET' ? '' : '{' })
    for (let i = 0; i < 3; i += 1) t.not((await ask()).statusCode, 429, url)
    const limited = await ask()
    t.equal(limited.statusCode, 429, url)
    t.match(limited.json(), { error: 'rate_limited', request_id: String }, url)
  }
})
