import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { injectPatiently } from '../support/inject.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const ID = '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11'
/** The same for everyone, so anyone may keep it. */
const CACHEABLE = [
  '/.well-known/jwks.json',
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
]

/** What a browser is shown has a policy of its own, which admits nothing inline. */
const PAGES = ['/oauth2/authorize', '/oauth2/logout']

t.test('no answer may be cached, and each has the security headers', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const routes = Object.entries(postern.app.swagger().paths ?? {}).flatMap(([path, operations]) =>
    Object.keys(operations ?? {}).map((method) => [
      method.toUpperCase() as 'GET',
      path.replaceAll(/\{[^}]+\}/g, ID),
    ]),
  ) as ['GET', string][]
  t.ok(routes.length > 30)
  for (const [method, url] of [...routes, ['GET', '/openapi.json'], ['GET', '/v1/nothing']] as const) {
    const { headers } = await injectPatiently(postern.app, { method, url })
    t.match(
      headers,
      {
        'x-content-type-options': 'nosniff',
        'content-security-policy': PAGES.includes(url)
          ? /^default-src 'none'; style-src 'self'; script-src 'self'; .*frame-ancestors 'none'; base-uri 'none'$/
          : "default-src 'none';frame-ancestors 'none'",
        'x-request-id': String,
        'cache-control': CACHEABLE.includes(url) ? 'public, max-age=300' : 'no-store',
      },
      `${method} ${url}`,
    )
  }
})

t.test('an error may not be cached, where the answer may be', { skip }, async (t) => {
  const postern = await openTestApp(t)
  for (const url of CACHEABLE) {
    const { statusCode, headers } = await injectPatiently(postern.app, { url: `${url}?unknown_member=1` })
    t.match({ statusCode, ...headers }, { statusCode: 400, 'cache-control': 'no-store' })
  }
})
