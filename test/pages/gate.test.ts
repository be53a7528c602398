// The one gate, for browsers: where the policy, the client or the request asks for a second factor, the password alone gives
// neither a session nor a code.
import { test } from 'tap'
import type { Client } from '../../src/clients/client.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { openTestApp, PASSWORD, type TestAccount, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { openBrowser } from '../support/form-browser.ts'
import { authorizationRequest, REDIRECT_URI } from '../support/oidc-client.ts'

const skip = onBothEngines()

type Situation = {
  policy?: Partial<Policy>
  client?: Partial<Client>
  request?: Record<string, string>
  roles?: string[]
  enrolled: boolean
}

const SITUATIONS: Record<string, Situation> = {
  'an account that has enrolled': { enrolled: true },
  'a role that requires it': { roles: ['admin'], enrolled: true },
  'a role that requires what is not there': { roles: ['admin'], enrolled: false },
  'a policy that requires it of all': { policy: { required_for_all: true }, enrolled: false },
  'a client that tightens the policy': { client: { policy: { required_for_all: true } }, enrolled: false },
  'a client that requires aal2, the policy being disabled': {
    policy: { enabled: false },
    client: { requiredAcr: 'aal2' },
    enrolled: true,
  },
  'a request for aal2': { request: { acr_values: 'aal2' }, enrolled: false },
  'a request for aal2, the policy being disabled': {
    policy: { enabled: false },
    request: { acr_values: 'aal2' },
    enrolled: true,
  },
  'an essential claim': {
    request: { claims: '{"id_token":{"acr":{"essential":true,"values":["aal2"]}}}' },
    enrolled: false,
  },
}

const sessionsOf = ({ deps, now }: TestApp, { id }: TestAccount) =>
  deps.ephemeral.sessions.list(id, now().getTime())

for (const [name, { policy = {}, client = {}, request = {}, roles = ['user'], enrolled }] of Object.entries(
  SITUATIONS,
)) {
  test(`${name}: the password alone opens nothing in a browser`, { skip }, async (t) => {
    const postern = await openTestApp(t)
    const account = await postern.createAccount({ roles })
    if (enrolled) await postern.enrollTotp(account)
    await postern.setPolicy(policy)
    const registered = await postern.createClient({
      scopes: ['openid'],
      redirectUris: [REDIRECT_URI],
      firstParty: true,
      ...client,
    })
    const browser = openBrowser(postern)
    const { url } = authorizationRequest(registered, request)
    const page = await browser.submit(await browser.visit(url), {
      username: account.username,
      password: PASSWORD,
    })
    t.equal(page.left, null)
    t.equal(page.status, 200)
    t.match(page.html, enrolled ? /one-time-code/ : /name="method"/)
    t.same(await sessionsOf(postern, account), [])
    t.notOk(browser.cookies.has('postern'))
    // Nor does going on as if it had been passed.
    const skipped = await browser.visit(url)
    t.equal(skipped.left, null)
    t.match(skipped.html, /name="password"/)
  })
}

test('A session that was signed in to with a password is no way around a client that requires more', {
  skip,
}, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const members = { scopes: ['openid'], redirectUris: [REDIRECT_URI], firstParty: true }
  const plain = await postern.createClient(members)
  const strict = await postern.createClient({ ...members, requiredAcr: 'aal2' })
  const browser = openBrowser(postern)
  const page = await browser.visit(authorizationRequest(plain).url)
  const signedIn = await browser.submit(page, { username: account.username, password: PASSWORD })
  t.ok(signedIn.left?.searchParams.has('code'))
  const asked = await browser.visit(authorizationRequest(strict).url)
  t.equal(asked.left, null)
  const silent = await browser.visit(authorizationRequest(strict, { prompt: 'none' }).url)
  t.equal(silent.left?.searchParams.get('error'), 'login_required')
})

test('A step-up asks for what its client admits', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const members = { scopes: ['openid'], redirectUris: [REDIRECT_URI], firstParty: true }
  const plain = await postern.createClient(members)
  const narrow = await postern.createClient({
    ...members,
    policy: { required_for_all: true, allowed_methods: ['totp'] },
  })
  const browser = openBrowser(postern)
  const page = await browser.visit(authorizationRequest(plain).url)
  await browser.submit(page, { username: account.username, password: PASSWORD })
  const totp = await postern.enrollTotp(account)
  const asked = await browser.visit(authorizationRequest(narrow).url)
  t.match(asked.html, /one-time-code/)
  t.notMatch(asked.html, /method=recovery_code/)
  t.ok((await browser.submit(asked, { code: totp.code() })).left?.searchParams.has('code'))
})
