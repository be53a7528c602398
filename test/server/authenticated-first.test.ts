import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { injectPatiently } from '../support/inject.ts'
import { routesOf } from '../support/routes.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const ID = '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11'

/** Routes that anyone may call; a caller who says who it is must still be that. */
const FOR_ANYONE = [
  'POST /v1/login',
  'POST /oauth2/token',
  'POST /oauth2/par',
  'POST /oauth2/userinfo',
  'POST /oauth2/introspect',
  'POST /oauth2/revoke',
  'POST /v1/challenges/verify',
  'POST /v1/challenges/cancel',
]
const WITHOUT_CALLERS = [
  /^\/docs/,
  /^\/assets\//,
  /^\/\.well-known\//,
  // Pages, and what browsers are sent to: whoever comes is asked there who it is.
  /^\/(sign-in|sign-out|account|register)(\/|$)/,
  /^\/oauth2\/(authorize|logout)$/,
  /^\/(healthz|readyz|metrics|openapi\.json)?$/,
]

const BAD_BODIES: [type: string, payload: string][] = [
  ['application/json', '{"unknown_member":1}'],
  ['application/json', '{"half":'],
  ['application/json', `{"x":"${'x'.repeat(70_000)}"}`],
  ['text/plain', 'text'],
]

const WRONG: [who: string, headers: Record<string, string>][] = [
  ['nobody', {}],
  ['a wrong secret', { authorization: `Basic ${btoa('postern:a wrong secret')}` }],
  ['an unknown client', { authorization: `Basic ${btoa('nobody:a secret')}` }],
  ['half of Basic', { authorization: 'Basic !' }],
  ['an unknown token', { authorization: 'Bearer nothing' }],
  ['another scheme', { authorization: 'Negotiate abc' }],
]

t.test('a caller who is not authenticated learns nothing about the body', { skip }, async (t) => {
  const { built: postern, routes } = await routesOf(() => openTestApp(t))
  const guarded = routes.filter(
    ({ method, url }) =>
      method !== 'HEAD' && method !== 'OPTIONS' && !WITHOUT_CALLERS.some((one) => one.test(url)),
  )
  t.ok(guarded.length > 30)
  for (const route of guarded) {
    const name = `${route.method} ${route.url}`
    for (const [who, headers] of WRONG) {
      if (who === 'nobody' && FOR_ANYONE.includes(name)) continue
      for (const [type, payload] of route.method === 'GET' ? [] : BAD_BODIES) {
        const { statusCode, body } = await injectPatiently(postern.app, {
          method: route.method as 'POST',
          url: `${route.url.replace(/:\w+/, ID)}?unknown_parameter=1`,
          headers: { ...headers, 'content-type': type },
          payload,
        })
        t.equal(statusCode, 401, `${name} by ${who}: ${body}`)
      }
      const { statusCode, body } = await injectPatiently(postern.app, {
        method: route.method as 'GET',
        url: `${route.url.replace(/:\w+/, 'no-id')}?unknown_parameter=1`,
        headers,
      })
      t.equal(statusCode, 401, `${name} without a body, by ${who}: ${body}`)
    }
  }
  const refused = await postern.auditEvents({ event: 'client_authentication.failed' })
  t.ok(refused.length > 0, 'and refused clients are recorded')
})
