// The way of a browser through the pages, without script: from an application's request back to it, with a code.
import { test } from 'tap'
import { openTestApp, PASSWORD } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { openBrowser, unescapeHtml } from '../support/form-browser.ts'
import { answerOf, authorizationRequest, claimsOf, REDIRECT_URI, redeem } from '../support/oidc-client.ts'
import { totpCode } from '../support/totp-code.ts'

const skip = onBothEngines()

const CLIENT = { scopes: ['openid', 'profile', 'email'], redirectUris: [REDIRECT_URI], firstParty: true }

test('A user signs in with a password and returns with a code', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const { url, parameters, codeVerifier } = authorizationRequest(client)

  const page = await browser.visit(url)
  t.equal(page.status, 200)
  t.match(page.html, /name="username"/)
  const back = await browser.submit(page, { username: 'ada', password: PASSWORD })
  const answer = answerOf(back)
  t.equal(back.status, 303)
  t.equal(answer.state, parameters.state)
  t.equal(answer.iss, postern.config.issuer)

  const { status, body } = await redeem(postern, client, { code: answer.code ?? '', codeVerifier })
  t.equal(status, 200)
  const claims = claimsOf(body.id_token)
  t.equal(claims.sub, account.id)
  t.equal(claims.nonce, parameters.nonce)
  t.equal(claims.acr, 'aal1')
})

test('The second request of a signed-in browser is answered without a page', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient(CLIENT)
  const other = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const first = authorizationRequest(client)
  const signedIn = await browser.submit(await browser.visit(first.url), {
    username: 'ada',
    password: PASSWORD,
  })
  const second = authorizationRequest(other)
  const back = await browser.visit(second.url)
  const tokens = await Promise.all([
    redeem(postern, client, { code: answerOf(signedIn).code ?? '', codeVerifier: first.codeVerifier }),
    redeem(postern, other, { code: answerOf(back).code ?? '', codeVerifier: second.codeVerifier }),
  ])
  const [a, b] = tokens.map(({ body }) => claimsOf(body.id_token))
  t.equal(a.sid, b.sid, 'both clients have grants in one session')
})

test('A second factor is asked for, and another method is one step away', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount({ username: 'ada' })
  const totp = await postern.enrollTotp(account)
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const { url, codeVerifier } = authorizationRequest(client)
  const asked = await browser.submit(await browser.visit(url), { username: 'ada', password: PASSWORD })
  t.match(asked.url, /^\/sign-in\?flow=/, 'a form is answered by a redirect')
  t.match(asked.html, /autocomplete="one-time-code"/)

  const wrong = await browser.submit(asked, { code: '000000' })
  t.equal(wrong.status, 401)
  t.match(wrong.html, /role="alert"/)
  const code = totp.code()
  const back = await browser.submit(wrong, { code: `${code.slice(0, 3)} ${code.slice(3)}` })
  const { body } = await redeem(postern, client, { code: answerOf(back).code ?? '', codeVerifier })
  t.equal(claimsOf(body.id_token).acr, 'aal2')
  t.same(claimsOf(body.id_token).amr, ['pwd', 'otp', 'mfa'])
})

test('Who must have a second factor enrolls one on the way', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ required_for_all: true })
  await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const { url, codeVerifier } = authorizationRequest(client)
  const choice = await browser.submit(await browser.visit(url), { username: 'ada', password: PASSWORD })
  const shown = await browser.submit(choice, { method: 'totp' })
  t.match(shown.html, /data:image\/svg\+xml/)
  const [, secret = ''] = /secret=([A-Z2-7]+)/.exec(unescapeHtml(shown.html)) ?? []
  const wrong = await browser.submit(shown, { code: '000000' })
  t.equal(wrong.status, 401)
  t.notMatch(unescapeHtml(wrong.html), /secret=/, 'the secret is shown once')
  const codes = await browser.submit(wrong, { code: totpCode(decodeBase32(secret), postern.now()) })
  t.equal(codes.status, 200)
  t.equal(
    codes.html.match(/[0-9A-Z]{4}(-[0-9A-Z]{4}){3}/g)?.length !== undefined,
    true,
    'recovery codes are shown',
  )
  const back = await browser.submit(codes, { saved: 'yes' })
  const { body } = await redeem(postern, client, { code: answerOf(back).code ?? '', codeVerifier })
  t.equal(claimsOf(body.id_token).acr, 'aal2')
})

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const decodeBase32 = (text: string): Buffer => {
  const bits = [...text].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}

test('Consent of a third party is asked for once, and remembered', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient({ ...CLIENT, firstParty: false })
  const browser = openBrowser(postern)
  const asked = await browser.submit(await browser.visit(authorizationRequest(client).url), {
    username: 'ada',
    password: PASSWORD,
  })
  t.match(asked.html, /name="decision"/)
  const denied = await browser.submit(asked, { decision: 'deny' })
  t.equal(answerOf(denied).error, 'access_denied')
  t.equal((await postern.auditEvents({ event: 'authorization.denied' })).length, 1)
  const again = await browser.visit(authorizationRequest(client).url)
  const allowed = await browser.submit(again, { decision: 'allow' })
  t.ok(answerOf(allowed).code)
  t.ok(answerOf(await browser.visit(authorizationRequest(client).url)).code, 'it is remembered')
  const more = await browser.visit(authorizationRequest(client, { scope: 'openid email' }).url)
  t.match(more.html, /name="decision"/, 'another scope is asked for')
})

test('An unregistered redirect URI or client gets a page, and never a redirect', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  for (const changed of [
    { redirect_uri: 'https://evil.example/callback' },
    { redirect_uri: `${REDIRECT_URI}/` },
    { redirect_uri: undefined },
    { client_id: 'nobody' },
    { client_id: undefined },
  ]) {
    const page = await browser.visit(authorizationRequest(client, changed).url)
    t.equal(page.left, null, JSON.stringify(changed))
    t.equal(page.status, 400)
    t.match(page.headers['content-type'], /text\/html/)
  }
})

test('prompt=login asks again, also right after a sign-in', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  await browser.submit(await browser.visit(authorizationRequest(client).url), {
    username: 'ada',
    password: PASSWORD,
  })
  const page = await browser.visit(authorizationRequest(client, { prompt: 'login' }).url)
  t.match(page.html, /name="password"/)
  const back = await browser.submit(page, { username: 'ada', password: PASSWORD })
  t.ok(answerOf(back).code)
})

test('prompt=none is answered at once: with a code, or with what is missing', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient(CLIENT)
  const third = await postern.createClient({ ...CLIENT, firstParty: false })
  const browser = openBrowser(postern)
  const none = (changed = {}) => authorizationRequest(client, { prompt: 'none', ...changed }).url
  t.equal(answerOf(await browser.visit(none())).error, 'login_required')
  await browser.submit(await browser.visit(authorizationRequest(client).url), {
    username: 'ada',
    password: PASSWORD,
  })
  t.ok(answerOf(await browser.visit(none())).code)
  t.equal(answerOf(await browser.visit(none({ max_age: '0' }))).error, 'login_required')
  t.equal(answerOf(await browser.visit(none({ acr_values: 'aal2' }))).error, 'login_required')
  t.equal(
    answerOf(await browser.visit(none({ acr_values: 'phr' }))).error,
    'unmet_authentication_requirements',
  )
  t.equal(
    answerOf(await browser.visit(authorizationRequest(third, { prompt: 'none' }).url)).error,
    'consent_required',
  )
  t.equal(answerOf(await browser.visit(none({ prompt: 'none login' }))).error, 'invalid_request')
})

test('acr_values=aal2 steps a session up, and its public id stays', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const first = authorizationRequest(client)
  const signedIn = await browser.submit(await browser.visit(first.url), {
    username: 'ada',
    password: PASSWORD,
  })
  const before = await redeem(postern, client, {
    code: answerOf(signedIn).code ?? '',
    codeVerifier: first.codeVerifier,
  })
  const cookie = browser.cookies.get('postern')
  const totp = await postern.enrollTotp(account)
  const second = authorizationRequest(client, { acr_values: 'aal2' })
  const asked = await browser.visit(second.url)
  t.match(asked.html, /one-time-code/)
  const back = await browser.submit(asked, { code: totp.code() })
  const after = await redeem(postern, client, {
    code: answerOf(back).code ?? '',
    codeVerifier: second.codeVerifier,
  })
  const [old, stepped] = [claimsOf(before.body.id_token), claimsOf(after.body.id_token)]
  t.equal(stepped.acr, 'aal2')
  t.equal(stepped.sid, old.sid)
  t.not(browser.cookies.get('postern'), cookie, 'the key in the cookie is another')
})

test('A form whose browser has lost its cookie is shown again, with the request and the name', {
  skip,
}, async (t) => {
  const postern = await openTestApp(t)
  await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const page = await browser.visit(authorizationRequest(client).url)
  const elsewhere = openBrowser(postern)
  const lost = await elsewhere.submit(page, { username: 'ada', password: PASSWORD })
  t.equal(lost.status, 403)
  t.match(lost.html, /role="alert"/)
  const again = await elsewhere.submit(lost, { username: 'ada', password: PASSWORD })
  t.equal(again.forms[0]?.fields.username ?? 'ada', 'ada')
  t.ok(answerOf(again).code, 'and the way goes on to the application')
  t.equal(
    (
      await browser.submit(
        page,
        { username: 'ada', password: PASSWORD },
        { headers: { origin: 'https://evil.example' } },
      )
    ).status,
    403,
  )
})

test('A form that is a day old begins anew, with the request', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const page = await browser.visit(authorizationRequest(client).url)
  postern.advance(25 * 60 * 60)
  const old = await browser.submit(page, { username: 'ada', password: PASSWORD })
  t.equal(old.status, 403)
  t.ok(answerOf(await browser.submit(old, { username: 'ada', password: PASSWORD })).code)
})

test('A second factor that took too long begins anew, and says so', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount({ username: 'ada' })
  const totp = await postern.enrollTotp(account)
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const page = await browser.visit(authorizationRequest(client).url)
  const asked = await browser.submit(page, { username: 'ada', password: PASSWORD })
  postern.advance(301)
  for (const late of [await browser.submit(asked, { code: totp.code() }), await browser.visit(asked.url)]) {
    t.match(late.html, /name="password"/)
    t.match(late.html, /role="alert"/)
  }
})

test('A page address that was signed in with is worth nothing later', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ session_idle: 7200 })
  await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient({ ...CLIENT, firstParty: false })
  const browser = openBrowser(postern)
  const page = await browser.visit(authorizationRequest(client, { prompt: 'login consent' }).url)
  const consent = await browser.submit(page, { username: 'ada', password: PASSWORD })
  t.match(consent.html, /name="decision"/)
  postern.advance(31 * 60)
  t.match((await browser.visit(consent.url)).html, /name="password"/)
})

test('Five tabs at once each come back to their own request', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount({ username: 'ada' })
  const totp = await postern.enrollTotp(account)
  const clients = await Promise.all(Array.from({ length: 5 }, () => postern.createClient(CLIENT)))
  const browser = openBrowser(postern)
  const requests = clients.map((client) => authorizationRequest(client))
  const tabs = []
  for (const { url } of requests) tabs.push(await browser.visit(url))
  const asked = []
  for (const tab of tabs) asked.push(await browser.submit(tab, { username: 'ada', password: PASSWORD }))
  for (const [index, page] of asked.entries()) {
    postern.advance(30)
    const back = await browser.submit(page, { code: totp.code() })
    t.equal(answerOf(back).state, requests[index]?.parameters.state)
    t.ok(answerOf(back).code)
  }
  const sessions = await postern.deps.ephemeral.sessions.list(account.id, postern.now().getTime())
  t.equal(sessions.length, 1, 'in one session')
})

test('Another account signs in in the same browser: the session before ends', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const ada = await postern.createAccount({ username: 'ada' })
  const bob = await postern.createAccount({ username: 'bob' })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  await browser.submit(await browser.visit(authorizationRequest(client).url), {
    username: 'ada',
    password: PASSWORD,
  })
  const choice = await browser.visit(authorizationRequest(client, { prompt: 'select_account' }).url)
  t.match(choice.html, /ada/)
  const { url, codeVerifier } = authorizationRequest(client, { prompt: 'select_account' })
  const another = await browser.submit(await browser.visit(url), { account: '' })
  t.match(another.html, /name="password"/)
  const back = await browser.submit(another, { username: 'bob', password: PASSWORD })
  const { body } = await redeem(postern, client, { code: answerOf(back).code ?? '', codeVerifier })
  t.equal(claimsOf(body.id_token).sub, bob.id)
  t.same(await postern.deps.ephemeral.sessions.list(ada.id, postern.now().getTime()), [])
})

test('A session of the same account that is chosen goes on', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const ada = await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  await browser.submit(await browser.visit(authorizationRequest(client).url), {
    username: 'ada',
    password: PASSWORD,
  })
  const choice = await browser.visit(authorizationRequest(client, { prompt: 'select_account' }).url)
  t.ok(answerOf(await browser.submit(choice, { account: ada.id })).code)
})

test('A consent counts for the account that it was asked of, and for no other', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.createAccount({ username: 'ada' })
  await postern.createAccount({ username: 'bob' })
  const client = await postern.createClient({ ...CLIENT, firstParty: false })
  const browser = openBrowser(postern)
  const asked = await browser.submit(await browser.visit(authorizationRequest(client).url), {
    username: 'ada',
    password: PASSWORD,
  })
  const other = await browser.visit(authorizationRequest(client, { prompt: 'login' }).url)
  await browser.submit(other, { username: 'bob', password: PASSWORD })
  const again = await browser.submit(asked, { decision: 'allow' })
  t.equal(again.left, null)
  t.match(again.html, /bob/)
  t.ok(answerOf(await browser.submit(again, { decision: 'allow' })).code)
})

test('Whoever has mistyped the name goes back to it from the second factor', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.enrollTotp(await postern.createAccount({ username: 'ada' }))
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const page = await browser.visit(authorizationRequest(client).url)
  const asked = await browser.submit(page, { username: 'ada', password: PASSWORD })
  const hrefs = [...asked.html.matchAll(/href="(\/sign-in[^"]+)"/g)].map(([, href = '']) =>
    unescapeHtml(href),
  )
  const back = await Promise.all(hrefs.map((href) => browser.visit(href)))
  t.ok(back.some(({ html }) => html.includes('name="password"')))
})

test('What PostgreSQL does not take is no error of the server', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const browser = openBrowser(postern)
  const page = await browser.visit('/sign-in')
  const answer = await browser.submit(page, { username: 'a\0b', password: PASSWORD })
  t.equal(answer.status, 400)
})

test('The page has room for the digits of the account, whatever the policy says for new authenticators', {
  skip,
}, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount({ username: 'ada' })
  await postern.enrollTotp(account)
  await postern.setPolicy({ totp: { ...postern.deps.policy.current().totp, digits: 8 } })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const page = await browser.visit(authorizationRequest(client).url)
  const asked = await browser.submit(page, { username: 'ada', password: PASSWORD })
  t.match(asked.html, /data-digits="6"/)
})

test('Roles are told to whoever decides by them, and to others with the scope', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.createAccount({ username: 'ada' })
  const third = { scopes: ['openid', 'roles'], redirectUris: [REDIRECT_URI] }
  const rolesFor = async (members: object, scope: string) => {
    const client = await postern.createClient({ ...third, ...members })
    const browser = openBrowser(postern)
    const { url, codeVerifier } = authorizationRequest(client, { scope })
    const page = await browser.submit(await browser.visit(url), { username: 'ada', password: PASSWORD })
    const back = page.left ? page : await browser.submit(page, { decision: 'allow' })
    const { body } = await redeem(postern, client, { code: answerOf(back).code ?? '', codeVerifier })
    return claimsOf(body.access_token).roles
  }
  t.same(await rolesFor({ firstParty: true }, 'openid'), ['user'])
  t.same(await rolesFor({ audience: ['https://api.example'] }, 'openid'), ['user'])
  t.same(await rolesFor({}, 'openid roles'), ['user'])
  t.equal(await rolesFor({}, 'openid'), undefined)
})

test('A client that makes the policy stricter does so for itself, and not for the browser', {
  skip,
}, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount({ username: 'ada' })
  const strict = await postern.createClient({
    ...CLIENT,
    policy: { session_idle: 60, session_absolute: 120 },
  })
  const plain = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const page = await browser.visit(authorizationRequest(strict).url)
  await browser.submit(page, { username: 'ada', password: PASSWORD })
  postern.advance(130)
  t.ok(answerOf(await browser.visit(authorizationRequest(plain, { prompt: 'none' }).url)).code)
  const [session] = await postern.deps.ephemeral.sessions.list(account.id, postern.now().getTime())
  t.equal(session?.clientId, strict.clientId, 'through which the browser came to sign in')
})
