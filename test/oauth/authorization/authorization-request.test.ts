// What an authorization request may not ask for, and how the client is answered (RFC 6749 4.1.2.1, OpenID Connect Core
// 3.1.2.6).
import { test } from 'tap'
import { openTestApp, PASSWORD } from '../../support/app.ts'
import { onBothEngines } from '../../support/embedded.ts'
import { openBrowser } from '../../support/form-browser.ts'
import { answerOf, authorizationRequest, REDIRECT_URI } from '../../support/oidc-client.ts'

const skip = onBothEngines()

const CLIENT = { scopes: ['openid', 'email'], redirectUris: [REDIRECT_URI], firstParty: true }

const REFUSED: [string, Record<string, string | undefined>, string][] = [
  ['no response_type', { response_type: undefined }, 'invalid_request'],
  ['the implicit flow', { response_type: 'token' }, 'unsupported_response_type'],
  ['the hybrid flow', { response_type: 'code id_token' }, 'unsupported_response_type'],
  ['another response_mode', { response_mode: 'fragment' }, 'invalid_request'],
  ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
  ['PKCE plain', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['PKCE without a method, which is plain', { code_challenge_method: undefined }, 'invalid_request'],
  ['a method without a challenge', { code_challenge: undefined }, 'invalid_request'],
  ['a challenge that is no SHA-256', { code_challenge: 'short' }, 'invalid_request'],
  ['no scope', { scope: undefined }, 'invalid_scope'],
  ['only scopes that do not exist', { scope: 'read write' }, 'invalid_scope'],
  ['a scope that the client may not have', { scope: 'openid phone' }, 'invalid_scope'],
  ['a machine’s scope', { scope: 'openid challenges' }, 'invalid_scope'],
  ['a prompt that does not exist', { prompt: 'magic' }, 'invalid_request'],
  ['none and another prompt', { prompt: 'none consent' }, 'invalid_request'],
  ['a max_age that is no number', { max_age: 'soon' }, 'invalid_request'],
  ['a level that does not exist', { acr_values: 'loa9' }, 'unmet_authentication_requirements'],
  ['claims that are no JSON', { claims: '{' }, 'invalid_request'],
  ['claims that are a list', { claims: '[]' }, 'invalid_request'],
  ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
  [
    'a request_uri of somewhere else',
    { request_uri: 'https://app.example/request' },
    'request_uri_not_supported',
  ],
  ['a registration', { registration: '{}' }, 'registration_not_supported'],
  ['another’s resource', { resource: 'https://other.example' }, 'invalid_target'],
  ['a dpop_jkt that is no thumbprint', { dpop_jkt: 'short' }, 'invalid_request'],
  [
    'an id_token_hint that was not issued here',
    { id_token_hint: 'a.b.c', prompt: 'none' },
    'invalid_request',
  ],
]

test('What a request may not ask for is answered to the client, with state and iss', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  for (const [name, changed, error] of REFUSED) {
    const { url, parameters } = authorizationRequest(client, changed)
    const answer = answerOf(await browser.visit(url))
    t.equal(answer.error, error, name)
    t.equal(answer.state, parameters.state)
    t.equal(answer.iss, postern.config.issuer)
    t.match(
      answer.error_description,
      /^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/,
      'printable ASCII, as RFC 6749 has it',
    )
    t.notOk(answer.code)
  }
})

test('A parameter that is there twice is refused; one that nobody knows is ignored', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const { url } = authorizationRequest(client)
  t.equal(answerOf(await browser.visit(`${url}&nonce=another`)).error, 'invalid_request')
  t.equal((await browser.visit(`${url}&extra=foobar&extra=twice`)).status, 200)
  const twice = await browser.visit(`${url}&redirect_uri=${encodeURIComponent('https://evil.example/')}`)
  t.equal(twice.left, null, 'which of two redirect URIs is meant, nobody knows')
  t.equal(twice.status, 400)
})

test('A client that is not registered for the grant type gets no code', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const client = await postern.createClient({ ...CLIENT, grantTypes: ['refresh_token'] })
  const answer = answerOf(await openBrowser(postern).visit(authorizationRequest(client).url))
  t.equal(answer.error, 'unauthorized_client')
})

test('On a loopback address any port is the registered one; elsewhere none is', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const redirectUris = [
    'http://127.0.0.1/callback',
    'http://[::1]:4000/callback',
    'https://app.example/callback',
  ]
  const client = await postern.createClient({ ...CLIENT, redirectUris })
  const browser = openBrowser(postern)
  const visit = (uri: string) => browser.visit(authorizationRequest(client, { redirect_uri: uri }).url)
  for (const uri of ['http://127.0.0.1:51234/callback', 'http://[::1]/callback', 'http://[::1]:9/callback'])
    t.equal((await visit(uri)).status, 200, uri)
  for (const uri of [
    'http://127.0.0.1:51234/other',
    'http://localhost:51234/callback',
    'https://app.example:8443/callback',
    'http://127.0.0.1:51234@evil.example/callback',
    'https://app.example/callback#fragment',
  ])
    t.equal((await visit(uri)).status, 400, uri)
})

test('form_post answers by a form; its errors too', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient(CLIENT)
  const browser = openBrowser(postern)
  const { url, parameters } = authorizationRequest(client, { response_mode: 'form_post' })
  const page = await browser.submit(await browser.visit(url), { username: 'ada', password: PASSWORD })
  const [form] = page.forms
  t.equal(page.left, null)
  t.equal(form?.action, REDIRECT_URI)
  t.ok(form?.fields.code)
  t.match(form?.fields, { state: parameters.state, iss: postern.config.issuer })
  t.match(page.headers['content-security-policy'], /form-action 'self' https:\/\/app\.example/)
  const refused = await browser.visit(
    authorizationRequest(client, { response_mode: 'form_post', prompt: 'none', max_age: '0' }).url,
  )
  t.equal(refused.forms[0]?.fields.error, 'login_required')
})

test('A request that is posted is answered like one in the address', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const client = await postern.createClient(CLIENT)
  const { parameters } = authorizationRequest(client)
  const posted = await postern.request('POST', '/oauth2/authorize', { form: parameters })
  t.equal(posted.status, 303)
  const page = await openBrowser(postern).visit(String(posted.headers.location))
  t.match(page.html, /name="password"/)
})
