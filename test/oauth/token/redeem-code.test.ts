// The authorization_code grant: what a code is bound to, that it is used once, and what its second use ends.
import t, { test } from 'tap'
import { openTestApp, PASSWORD, type TestApp, type TestClient } from '../../support/app.ts'
import { onBothEngines, testOnServers } from '../../support/embedded.ts'
import { openBrowser } from '../../support/form-browser.ts'
import { answerOf, authorizationRequest, claimsOf, REDIRECT_URI, redeem } from '../../support/oidc-client.ts'
import { openReplicas } from '../../support/replicas.ts'

const skip = onBothEngines()

const CLIENT = { scopes: ['openid', 'email'], redirectUris: [REDIRECT_URI], firstParty: true }

const signedIn = async (postern: TestApp) => {
  const account = await postern.createAccount()
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const page = await browser.visit(authorizationRequest(client).url)
  await browser.submit(page, { username: account.username, password: PASSWORD })
  const newCode = async (changed: Record<string, string | undefined> = {}, of: TestClient = client) => {
    const { url, codeVerifier } = authorizationRequest(of, changed)
    return { code: answerOf(await browser.visit(url)).code ?? '', codeVerifier }
  }
  return { account, client, browser, newCode }
}

const OTHER_VERIFIER = 'v'.repeat(43)

test('A code is bound to its client, its redirect URI and its verifier', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { client, newCode } = await signedIn(postern)
  const other = await postern.createClient(CLIENT)
  const grant = await newCode()
  const wrong: [string, Record<string, string>, TestClient][] = [
    ['another verifier', { code_verifier: OTHER_VERIFIER }, client],
    ['another redirect URI', { redirect_uri: 'https://app.example/other' }, client],
    ['another client', {}, other],
    ['another code', { code: `${grant.code.slice(0, -3)}AAA` }, client],
  ]
  for (const [name, changed, by] of wrong) {
    const { status, body } = await redeem(postern, by, { ...grant, ...changed })
    t.equal(status, 400, name)
    t.equal(body.error, 'invalid_grant')
  }
  const { codeVerifier: _, ...without } = grant
  const missing = await postern.request('POST', '/oauth2/token', {
    basic: client,
    form: { grant_type: 'authorization_code', redirect_uri: REDIRECT_URI, ...without },
  })
  t.equal(missing.body.error, 'invalid_grant')
  t.match(missing.body.error_description, /code_verifier is missing/)
  t.equal((await redeem(postern, client, grant)).status, 200, 'and it is still good for its own client')
})

test('A verifier is refused where the request had no challenge', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { browser } = await signedIn(postern)
  const client = await postern.createClient({ ...CLIENT, codeProtection: 'nonce' })
  const { url } = authorizationRequest(client, {
    code_challenge: undefined,
    code_challenge_method: undefined,
  })
  const code = answerOf(await browser.visit(url)).code ?? ''
  const refused = await redeem(postern, client, { code, codeVerifier: OTHER_VERIFIER })
  t.equal(refused.body.error, 'invalid_grant')
  t.match(refused.body.error_description, /no code_challenge/)
  const redeemed = await postern.request('POST', '/oauth2/token', {
    basic: client,
    form: { grant_type: 'authorization_code', redirect_uri: REDIRECT_URI, code },
  })
  t.equal(redeemed.status, 200)
})

test('A second use is refused, and ends what the first has given', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { client, newCode } = await signedIn(postern)
  const kept = await redeem(postern, client, await newCode())
  const grant = await newCode()
  const first = await redeem(postern, client, grant)
  t.equal(first.status, 200)
  const second = await redeem(postern, client, grant)
  t.equal(second.body.error, 'invalid_grant')
  const renew = (token: string) =>
    postern.request('POST', '/oauth2/token', {
      basic: client,
      form: { grant_type: 'refresh_token', refresh_token: token },
    })
  t.equal((await renew(first.body.refresh_token)).body.error, 'invalid_grant')
  const [event] = await postern.auditEvents({ event: 'authorization_code.refused' })
  t.equal(event?.details.reason, 'reused')
  t.equal((await renew(kept.body.refresh_token)).status, 200, 'other grants of the session go on')
})

test('A code is good for a minute, and as long as its session', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { account, client, newCode } = await signedIn(postern)
  const late = await newCode()
  postern.advance(61)
  t.equal((await redeem(postern, client, late)).body.error, 'invalid_grant')
  const orphan = await newCode()
  await postern.deps.ephemeral.sessions.endAll(account.id, null, postern.now().getTime())
  t.equal((await redeem(postern, client, orphan)).body.error, 'invalid_grant')
})

test('What was granted decides: no openid, no ID token; no refresh_token grant, no refresh token', {
  skip,
}, async (t) => {
  const postern = await openTestApp(t)
  const { client, newCode } = await signedIn(postern)
  const plain = await redeem(postern, client, await newCode({ scope: 'email' }))
  t.equal(plain.status, 200)
  t.notOk(plain.body.id_token)
  const once = await postern.createClient({ ...CLIENT, grantTypes: ['authorization_code'] })
  const answer = await redeem(postern, once, await newCode({}, once))
  t.equal(answer.status, 200)
  t.notOk(answer.body.refresh_token)
  t.ok(claimsOf(answer.body.access_token).grant_id)
})

test('Resources that were granted, and no others, get access tokens', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { newCode } = await signedIn(postern)
  const audience = ['https://a.example', 'https://b.example']
  const client = await postern.createClient({ ...CLIENT, audience })
  const a = 'https://a.example'
  const granted = await redeem(postern, client, await newCode({ resource: a }, client))
  t.same(claimsOf(granted.body.access_token).aud, [a])
  const refused = await redeem(postern, client, {
    ...(await newCode({ resource: a }, client)),
    resource: 'https://b.example',
  })
  t.equal(refused.body.error, 'invalid_target')
})

testOnServers(
  t,
  'One code that is redeemed 50 times at once on two replicas gives tokens once',
  async (t) => {
    const [postern, replica] = await openReplicas(t)
    const { client, newCode } = await signedIn(postern)
    const grant = await newCode()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => redeem(i % 2 === 0 ? postern : replica, client, grant)),
    )
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
    t.ok(answers.every(({ status, body }) => status === 200 || body.error === 'invalid_grant'))
  },
)

test('While the account is locked its codes are refused, and are not used up', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_attempts: 1, lockout: 20 })
  const { account, client, newCode } = await signedIn(postern)
  const grant = await newCode()
  const limits = { maxFailedAttempts: 1, lockoutSeconds: 20 }
  await postern.deps.ephemeral.budgets.take(account.id, limits, postern.now().getTime())
  const refused = await redeem(postern, client, grant)
  t.equal(refused.status, 429)
  t.equal(refused.body.error, 'account_locked')
  postern.advance(21)
  t.equal((await redeem(postern, client, grant)).status, 200)
})

test('Whoever else shows a used code ends nothing', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { client, newCode } = await signedIn(postern)
  const other = await postern.createClient(CLIENT)
  const grant = await newCode()
  const { body } = await redeem(postern, client, grant)
  for (const [by, changed] of [
    [other, {}],
    [client, { code_verifier: OTHER_VERIFIER }],
  ] as const)
    t.equal((await redeem(postern, by, { ...grant, ...changed })).body.error, 'invalid_grant')
  const renewed = await postern.request('POST', '/oauth2/token', {
    basic: client,
    form: { grant_type: 'refresh_token', refresh_token: body.refresh_token },
  })
  t.equal(renewed.status, 200)
})
