import t from 'tap'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { lockAccount } from '../support/lock.ts'

const skip = onBothEngines()

type Route = { method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; url: string }
type Operation = { security?: Record<string, string[]>[] }
type Document = { paths: Record<string, Record<string, Operation>> }

/** The documented routes under `prefix` that admit one of these, as the document names them. */
const routesThatTake = ({ app }: TestApp, schemes: string[], prefix: RegExp): Route[] =>
  Object.entries((app.swagger() as unknown as Document).paths).flatMap(([path, operations]) =>
    prefix.test(path)
      ? Object.entries(operations)
          .filter(([, { security = [] }]) => security.some((one) => schemes.some((name) => name in one)))
          .map(([method]) => ({
            method: method.toUpperCase() as Route['method'],
            url: path.replaceAll(/\{\w+\}/g, '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11'),
          }))
      : [],
  )

const GUARDED = /^\/v1\/(me|admin|logout)(\/|$)/

t.test('without a token everyone is refused, and does not learn what a route takes', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const routes = routesThatTake(postern, ['bearer'], GUARDED)
  t.ok(routes.length > 30, `${routes.length} routes`)
  for (const { method, url } of routes) {
    for (const bearer of [undefined, 'nonsense', 'pst_rt_nonsense']) {
      const refused = await postern.request(method, url, {
        ...(bearer && { bearer }),
        ...(method !== 'GET' && { body: { nonsense: true } }),
      })
      t.match(refused, { status: 401, body: { error: 'invalid_token' } }, `${method} ${url} ${bearer}`)
      t.equal(refused.headers['cache-control'], 'no-store', `${method} ${url}`)
    }
  }
})

t.test('an enrollment token opens the routes that document it, and no other', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ required_for_all: true })
  const { body } = await postern.logIn(await postern.createAccount())
  const opened = routesThatTake(postern, ['enrollment'], GUARDED).map(({ method, url }) => `${method} ${url}`)
  t.equal(opened.length, 3, opened.join(', '))
  for (const { method, url } of routesThatTake(postern, ['bearer', 'enrollment'], GUARDED)) {
    const answer = await postern.request(method, url, { bearer: body.enrollment_token })
    const refused = answer.body?.error === 'invalid_token'
    t.equal(!refused, opened.includes(`${method} ${url}`), `${method} ${url}: ${answer.text}`)
  }
})

t.test('a request that a guard refuses is counted by the rate limit', { skip }, async (t) => {
  const postern = await openTestApp(t, { environment: { POSTERN_RATE_LIMIT: '3' } })
  const statuses = []
  for (const url of ['/v1/me', '/v1/me/sessions', '/v1/admin/policy', '/v1/me']) {
    statuses.push((await postern.request('GET', url, { bearer: 'nonsense', ip: '203.0.113.5' })).status)
  }
  t.same(statuses, [401, 401, 401, 429])
})

t.test('a handler of routes without a guard gets no caller', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { guardWith } = await import('../../src/callers/guard.ts')
  const { callerOf } = guardWith('nobody', async () => 'somebody')
  await t.rejects(
    postern.app.inject('/healthz').then(({ raw }) => callerOf(raw.req as never)),
    TypeError,
  )
})

t.test(
  'everyone but an administrator is refused under /v1/admin, whatever the route',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    const account = await postern.createAccount({ roles: ['user'] })
    const { access_token: bearer } = await postern.signIn(account, await postern.enrollTotp(account))
    const routes = routesThatTake(postern, ['bearer'], /^\/v1\/admin\//)
    t.ok(routes.length > 15, `${routes.length} routes`)
    for (const { method, url } of routes) {
      const refused = await postern.request(method, url, { bearer })
      t.match(refused, { status: 403, body: { error: 'access_denied' } }, `${method} ${url}`)
    }
  },
)

const changesOfOwn = (postern: TestApp): Route[] =>
  routesThatTake(postern, ['bearer'], /^\/v1\/me(\/|$)/).filter(({ method }) => method !== 'GET')

/** What a locked account may still do: see to it that nobody else is signed in, and step up once it is unlocked. */
const OPEN_TO_LOCKED = ['DELETE /v1/me/sessions', 'DELETE /v1/me/sessions/{id}', 'POST /v1/me/step-up']

t.test('a locked account changes nothing under /v1/me, whatever the route', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const { access_token: bearer } = await postern.signIn(account, await postern.enrollTotp(account))
  await lockAccount(postern, account.id)
  const changes = changesOfOwn(postern)
  t.ok(changes.length > 7, `${changes.length} routes`)
  for (const { method, url } of changes) {
    const name = `${method} ${url.replace(/[0-9a-f-]{36}/, '{id}')}`
    if (OPEN_TO_LOCKED.includes(name)) continue
    const refused = await postern.request(method, url, { bearer })
    t.match(refused, { status: 429, body: { error: 'account_locked' } }, name)
  }
})

/** These ask for a password and a code themselves, or change nothing that anyone signs in with. */
const ASK_THEMSELVES = [
  'POST /v1/me/second-factor/disable',
  'PATCH /v1/me',
  'DELETE /v1/me/consents/{id}',
  ...OPEN_TO_LOCKED,
]

t.test('an old second factor is not enough to change a factor or the password', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const tokens = await postern.signIn(account, await postern.enrollTotp(account))
  postern.advance(16 * 60)
  const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'postern' }
  const { access_token: bearer } = (await postern.request('POST', '/oauth2/token', { form })).body
  for (const { method, url } of changesOfOwn(postern)) {
    const name = `${method} ${url.replace(/[0-9a-f-]{36}/, '{id}')}`
    if (ASK_THEMSELVES.includes(name)) continue
    const refused = await postern.request(method, url, { bearer })
    t.match(refused, { status: 401, body: { error: 'insufficient_user_authentication' } }, name)
  }
})
