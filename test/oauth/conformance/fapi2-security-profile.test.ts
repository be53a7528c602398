// What the suite's plan fapi2-security-profile-final-test-plan tries that has to fail, by the names of its modules: pushed
// requests, PKCE, the audience of assertions, DPoP.
import t from 'tap'
import { newAssertionKey } from '../../support/assertion.ts'
import { newDpopKey, requestWithProof } from '../../support/dpop.ts'
import { onBothEngines } from '../../support/embedded.ts'
import {
  newCode,
  newFapiClient,
  openPushed,
  push,
  redeemBound,
  requestOf,
} from '../../support/fapi-client.ts'
import { answerPages, CALLBACK, newVisitor, openSetting, responseOf } from '../../support/relying-party.ts'

const skip = onBothEngines()

t.test('FAPI 2 Security Profile', { skip }, async (t) => {
  const setting = await openSetting(t)
  const { postern } = setting
  const client = await newFapiClient(setting)
  const { issuer } = postern.config
  const seconds = () => Math.floor(postern.now().getTime() / 1000)

  t.test('happy-flow: pushed, with PKCE, bound to a key', async (t) => {
    const { code } = await newCode(client)
    const { status, body } = await redeemBound(client, code)
    t.match({ status, body }, { status: 200, body: { token_type: 'DPoP', access_token: String } })
    const asked = { method: 'GET', path: '/oauth2/userinfo', accessToken: body.access_token }
    t.equal((await requestWithProof(postern, client.dpop, asked)).status, 200)
  })

  for (const [name, changed, error] of [
    ['ensure-request-object-without-redirect-uri-fails', { redirect_uri: undefined }, 'invalid_request'],
    ['ensure-registered-redirect-uri', { redirect_uri: `${CALLBACK}/other` }, 'invalid_request'],
    [
      'ensure-response-type-code-idtoken-fails',
      { response_type: 'code id_token' },
      'unsupported_response_type',
    ],
    ['ensure-response-type-token-fails', { response_type: 'token' }, 'unsupported_response_type'],
    [
      'par-ensure-pkce-required',
      { code_challenge: undefined, code_challenge_method: undefined },
      'invalid_request',
    ],
    ['par-plain-pkce-rejected', { code_challenge_method: 'plain' }, 'invalid_request'],
    [
      'par-authorization-request-containing-request_uri-form-param',
      { request_uri: 'urn:ietf:params:oauth:request_uri:other' },
      'invalid_request',
    ],
  ] as const) {
    t.test(name, async (t) => t.match(await push(client, changed), { status: 400, body: { error } }))
  }

  t.test('par-attempt-invalid-http-method', async (t) => {
    const { status } = await postern.request('GET', '/oauth2/par')
    t.ok(status === 404 || status === 405)
  })

  t.test('client assertions', async (t) => {
    for (const [name, claims] of [
      ['par-test-array-as-audience-fails', { aud: [issuer, 'https://elsewhere.example'] }],
      ['par-test-par-endpoint-url-as-audience-fails', { aud: `${issuer}/oauth2/par` }],
      ['par-test-token-endpoint-url-as-audience-fails', { aud: `${issuer}/oauth2/token` }],
      ['ensure-client-assertion-with-wrong-aud-fails', { aud: 'https://elsewhere.example' }],
      ['ensure-client-assertion-with-no-sub-fails', { sub: undefined }],
      ['ensure-client-assertion-with-exp-is-5-minutes-in-past-fails', { exp: seconds() - 300 }],
      ['par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails', { nbf: seconds() + 65 }],
    ] as const) {
      const answer = await push(client, {}, { assertion: { claims } })
      t.match(answer, { status: 401, body: { error: 'invalid_client' } }, name)
    }
    const rsa = await newAssertionKey('RS256')
    const wrongAlgorithm = await push(client, {}, { assertion: { key: rsa } })
    t.equal(wrongAlgorithm.status, 401, 'ensure-signed-client-assertion-with-RS256-fails')
    const slightlyAhead = { iat: seconds() + 8, nbf: seconds() + 8 }
    const accepted = await push(client, {}, { assertion: { claims: slightlyAhead } })
    t.equal(accepted.status, 201, 'par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted')
    const unauthenticated = await postern.request('POST', '/oauth2/par', { form: requestOf(client) })
    t.equal(unauthenticated.status, 401, 'ensure-client-assertion-in-token-endpoint')
  })

  t.test('ensure-unsigned-authorization-request-without-using-par-fails', async (t) => {
    const { browser } = await newVisitor(setting)
    const page = await browser.visit(`/oauth2/authorize?${new URLSearchParams(requestOf(client))}`)
    t.match(responseOf(page)?.parameters, { error: 'invalid_request', state: 'the state' })
  })

  t.test('par-attempt-reuse-request_uri', async (t) => {
    const { requestUri, visitor } = await newCode(client)
    const page = await openPushed(client, visitor, requestUri)
    t.equal(page.status, 400)
    t.notOk(responseOf(page)?.parameters.code)
  })

  t.test('par-ensure-reused-request-uri-prior-to-auth-completion-succeeds', async (t) => {
    const { body } = await push(client)
    const visitor = await newVisitor(setting)
    t.equal((await openPushed(client, visitor, body.request_uri)).status, 200)
    const page = await answerPages(setting, visitor, await openPushed(client, visitor, body.request_uri))
    t.match(responseOf(page)?.parameters, { code: String, state: 'the state' })
  })

  t.test('par-attempt-to-use-expired-request_uri', async (t) => {
    const { body } = await push(client)
    postern.advance(body.expires_in + 1)
    const page = await openPushed(client, await newVisitor(setting), body.request_uri)
    t.match(page, { status: 400, left: null })
  })

  t.test('par-attempt-to-use-request_uri-for-different-client', async (t) => {
    const other = await newFapiClient(setting)
    const { body } = await push(client)
    const page = await openPushed(other, await newVisitor(setting), body.request_uri)
    t.match(page, { status: 400, left: null })
  })

  t.test('state-only-outside-request-object-not-used', async (t) => {
    const { body } = await push(client, { state: undefined })
    const visitor = await newVisitor(setting)
    const opened = await openPushed(client, visitor, body.request_uri, { state: 'of nobody' })
    const answered = responseOf(await answerPages(setting, visitor, opened))?.parameters
    t.match(answered, { code: String })
    t.notOk(answered && 'state' in answered)
  })

  t.test('user-rejects-authentication', async (t) => {
    const { body } = await push(client)
    const visitor = await newVisitor(setting)
    const signIn = await openPushed(client, visitor, body.request_uri)
    const { username, password } = visitor.account
    const consent = await visitor.browser.submit(signIn, { username, password })
    const page = await visitor.browser.submit(consent, { decision: 'deny' })
    t.match(responseOf(page)?.parameters, { error: 'access_denied', state: 'the state', iss: issuer })
  })

  t.test('codes', async (t) => {
    const other = await newFapiClient(setting)
    for (const [name, attempt] of [
      [
        'ensure-pkce-code-verifier-required',
        (code: string) => redeemBound(client, code, { form: { code_verifier: undefined } }),
      ],
      [
        'incorrect-pkce-code-verifier-rejected',
        (code: string) => redeemBound(client, code, { form: { code_verifier: 'x'.repeat(43) } }),
      ],
      ['ensure-authorization-code-is-bound-to-client', (code: string) => redeemBound(other, code)],
    ] as const) {
      const { code } = await newCode(client)
      t.match(await attempt(code), { status: 400, body: { error: 'invalid_grant' } }, name)
    }
  })

  t.test('attempt-reuse-authorization-code-after-one-second', async (t) => {
    const { code } = await newCode(client)
    const { body } = await redeemBound(client, code)
    postern.advance(1)
    t.match(await redeemBound(client, code), { status: 400, body: { error: 'invalid_grant' } })
    const asked = { method: 'GET', path: '/oauth2/userinfo', accessToken: body.access_token }
    t.equal((await requestWithProof(postern, client.dpop, asked)).status, 401, 'and what it gave is revoked')
  })

  t.test('attempt-to-use-expired-auth-code', async (t) => {
    const { code } = await newCode(client)
    postern.advance(61)
    t.match(await redeemBound(client, code), { status: 400, body: { error: 'invalid_grant' } })
  })

  t.test('ensure-holder-of-key-required', async (t) => {
    const { code } = await newCode(client)
    t.match(await redeemBound(client, code, { dpop: null }), {
      status: 400,
      body: { error: 'invalid_dpop_proof' },
    })
  })

  t.test('ensure-mismatched-dpop-jkt-fails', async (t) => {
    const { jkt } = await newDpopKey()
    const dpop = await client.dpop.proof(postern, { method: 'POST', path: '/oauth2/par' })
    const answer = await push(client, { dpop_jkt: jkt }, { headers: { dpop } })
    t.match(answer, { status: 400, body: { error: /^(invalid_request|invalid_dpop_proof)$/ } })
  })

  t.test('ensure-token-endpoint-fails-with-mismatched-dpop-jkt', async (t) => {
    const { code } = await newCode(client, { dpop_jkt: client.dpop.jkt })
    const another = await newDpopKey()
    t.match(await redeemBound(client, code, { dpop: another }), {
      status: 400,
      body: { error: 'invalid_grant' },
    })
    t.equal((await redeemBound(client, code)).status, 200, 'the right key still has its code')
  })

  t.test('ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt', async (t) => {
    const dpop = await client.dpop.proof(postern, { method: 'POST', path: '/oauth2/par' })
    const { code } = await newCode(client, {}, { dpop })
    const another = await newDpopKey()
    t.match(await redeemBound(client, code, { dpop: another }), {
      status: 400,
      body: { error: 'invalid_grant' },
    })
  })

  t.test('dpop-negative-tests', async (t) => {
    const { code } = await newCode(client)
    const { body } = await redeemBound(client, code)
    const asked = { method: 'GET', path: '/oauth2/userinfo', accessToken: body.access_token }
    for (const [name, claims] of [
      ['another method', { htm: 'POST' }],
      ['another address', { htu: `${issuer}/oauth2/token` }],
      ['another token', { ath: 'x'.repeat(43) }],
      ['no token', { ath: undefined }],
      ['no id', { jti: undefined }],
      ['made long ago', { iat: seconds() - 3600 }],
      ['made far ahead', { iat: seconds() + 3600 }],
    ] as const) {
      const answer = await requestWithProof(postern, client.dpop, { ...asked, claims })
      t.match(answer, { status: 401 }, name)
    }
    const another = await newDpopKey()
    t.equal((await requestWithProof(postern, another, asked)).status, 401, 'a proof of another key')
    const bearer = await postern.request('GET', '/oauth2/userinfo', { bearer: body.access_token })
    t.equal(bearer.status, 401, 'no proof')
    const headers = {
      authorization: `DPoP ${body.access_token}`,
      dpop: await client.dpop.proof(postern, asked),
    }
    t.equal((await postern.request('GET', '/oauth2/userinfo', { headers })).status, 200)
    t.equal(
      (await postern.request('GET', '/oauth2/userinfo', { headers })).status,
      401,
      'the same proof again',
    )
  })

  t.test('check-dpop-proof-nbf-exp, and proofs of 10 seconds before and after', async (t) => {
    const { code } = await newCode(client)
    const { body } = await redeemBound(client, code)
    const asked = { method: 'GET', path: '/oauth2/userinfo', accessToken: body.access_token }
    for (const claims of [
      { nbf: seconds(), exp: seconds() + 60 },
      { iat: seconds() - 10 },
      { iat: seconds() + 10 },
    ]) {
      t.equal(
        (await requestWithProof(postern, client.dpop, { ...asked, claims })).status,
        200,
        JSON.stringify(claims),
      )
    }
  })
})
