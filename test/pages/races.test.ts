// What happens once, however many ask at once, on two replicas.
import t from 'tap'
import { openTestApp, PASSWORD, type TestApp, type TestClient } from '../support/app.ts'
import { onBothEngines, testOnServers } from '../support/embedded.ts'
import { type Browser, openBrowser } from '../support/form-browser.ts'
import { answerOf, authorizationRequest, REDIRECT_URI, redeem } from '../support/oidc-client.ts'
import { openReplicas } from '../support/replicas.ts'

const CLIENT = { scopes: ['openid'], redirectUris: [REDIRECT_URI], firstParty: true }

/** The same browser at another replica. */
const alsoAt = (postern: TestApp, { cookies }: Browser): Browser => {
  const browser = openBrowser(postern)
  for (const [name, value] of cookies) browser.cookies.set(name, value)
  return browser
}

const signedIn = async ([here, there]: [TestApp, TestApp]) => {
  const account = await here.createAccount()
  const client = await here.createClient(CLIENT)
  const browser = openBrowser(here)
  const { url, codeVerifier } = authorizationRequest(client)
  const page = await browser.visit(url)
  const back = await browser.submit(page, { username: account.username, password: PASSWORD })
  const { body } = await redeem(here, client, { code: answerOf(back).code ?? '', codeVerifier })
  return { account, client, browsers: [browser, alsoAt(there, browser)] as const, tokens: body }
}

testOnServers(t, 'one pushed request, 50 times at once, gives one code', async (t) => {
  const replicas = await openReplicas(t)
  const { client, browsers } = await signedIn(replicas)
  // The client has named itself by authenticating.
  const { client_id: _, ...parameters } = authorizationRequest(client).parameters
  const { body } = await replicas[0].request('POST', '/oauth2/par', { basic: client, form: parameters })
  t.match(body.request_uri, /^urn:ietf:params:oauth:request_uri:/)
  const query = new URLSearchParams({ client_id: client.clientId, request_uri: body.request_uri })
  const visits = await Promise.all(
    Array.from({ length: 50 }, (_, i) => browsers[i % 2 === 0 ? 0 : 1].visit(`/oauth2/authorize?${query}`)),
  )
  const codes = visits.filter(({ left }) => left?.searchParams.has('code'))
  t.equal(codes.length, 1)
  t.ok(
    visits.every(
      ({ left, status }) =>
        left?.searchParams.has('code') ||
        left?.searchParams.get('error') === 'invalid_request' ||
        status === 400,
    ),
  )
})

testOnServers(t, 'a logout while its tokens are renewed leaves none that lives', async (t) => {
  const replicas = await openReplicas(t)
  const { client, browsers, tokens } = await signedIn(replicas)
  const hint = new URLSearchParams({ id_token_hint: tokens.id_token })
  const renew = (i: number, refreshToken: string) =>
    replicas[i % 2 === 0 ? 0 : 1].request('POST', '/oauth2/token', {
      basic: client,
      form: { grant_type: 'refresh_token', refresh_token: refreshToken },
    })
  const [, ...renewed] = await Promise.all([
    browsers[0].visit(`/oauth2/logout?${hint}`),
    ...Array.from({ length: 20 }, (_, i) => renew(i, tokens.refresh_token)),
  ])
  for (const { status, body } of renewed) {
    if (status !== 200) continue
    t.equal((await renew(0, body.refresh_token)).body.error, 'invalid_grant', 'its successor is dead, too')
    const me = await replicas[1].request('POST', '/oauth2/introspect', {
      basic: client,
      form: { token: body.access_token },
    })
    t.same(me.body, { active: false })
  }
  const again = await browsers[1].visit(authorizationRequest(client, { prompt: 'none' }).url)
  t.equal(answerOf(again).error, 'login_required')
})

testOnServers(
  t,
  'a second factor that is sent twice signs in once, and the other one ends well',
  async (t) => {
    const [here, there] = await openReplicas(t)
    const account = await here.createAccount()
    const totp = await here.enrollTotp(account)
    const client = await here.createClient(CLIENT)
    const browser = openBrowser(here)
    const page = await browser.visit(authorizationRequest(client).url)
    const asked = await browser.submit(page, { username: account.username, password: PASSWORD })
    const twin = alsoAt(there, browser)
    const code = totp.code()
    const both = await Promise.all([browser.submit(asked, { code }), twin.submit(asked, { code })])
    t.equal(both.filter(({ left }) => left?.searchParams.has('code')).length, 1)
    const [other] = both.filter(({ left }) => left === null)
    t.ok(other && other.status < 500)
    const sessions = await here.deps.ephemeral.sessions.list(account.id, here.now().getTime())
    t.equal(sessions.length, 1)
  },
)

t.test(
  'a client that proves nothing pushes so many requests a minute from one network',
  { skip: onBothEngines() },
  async (t) => {
    const postern = await openTestApp(t)
    const open = await postern.createClient({ ...CLIENT, tokenEndpointAuthMethod: 'none' })
    const proven = await postern.createClient(CLIENT)
    const push = ({ clientId, secret }: TestClient, basic: boolean) =>
      postern.request('POST', '/oauth2/par', {
        ...(basic && { basic: { clientId, secret } }),
        form: authorizationRequest({ clientId }).parameters,
      })
    const answers = []
    for (let i = 0; i < 61; i += 1) answers.push(await push(open, false))
    t.equal(answers.filter(({ status }) => status === 201).length, 60)
    t.match(answers.at(-1), { status: 429, body: { error: 'rate_limited' } })
    t.equal((await push(proven, true)).status, 201)
  },
)

testOnServers(
  t,
  'one refresh token, 50 times at once on two replicas, leaves one that lives at most',
  async (t) => {
    const replicas = await openReplicas(t)
    const { client, tokens } = await signedIn(replicas)
    const renew = (i: number, refreshToken: string) =>
      replicas[i % 2 === 0 ? 0 : 1].request('POST', '/oauth2/token', {
        basic: client,
        form: { grant_type: 'refresh_token', refresh_token: refreshToken },
      })
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => renew(i, tokens.refresh_token)))
    const renewed = answers.filter(({ status }) => status === 200)
    t.ok(renewed.length >= 1 && renewed.length <= 2, 'the token before is good for one more at most')
    t.ok(answers.every(({ status, body }) => status === 200 || body.error === 'invalid_grant'))
    const successors = []
    for (const { body } of renewed) successors.push(await renew(0, body.refresh_token))
    t.ok(successors.filter(({ status }) => status === 200).length <= 1)
  },
)
