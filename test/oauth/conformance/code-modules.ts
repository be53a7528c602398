// Modules of the suite's Basic OP plan about the code, the tokens and how the client authenticates. Each asserts what
// the module of its name requires.
import { createHash } from 'node:crypto'
import {
  answerPages,
  ask,
  authorize,
  CALLBACK,
  checkedResponse,
  codeGrant,
  newVisitor,
  redeem,
  requestParameters,
  responseOf,
  userinfo,
  verifyIdToken,
} from '../../support/relying-party.ts'
import type { Modules } from './module.ts'

/** Left half of the hash, as `at_hash` is (OpenID Connect Core 3.1.3.6). */
const halfHash = (token: string): string =>
  createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')

const VERIFIER = 'a-verifier-of-the-conformance-modules-of-64-characters-of-length'
const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url')

export const CODE_MODULES: Modules = {
  'oidcc-server': async (t, setting) => {
    const visitor = await newVisitor(setting, 'second_factor')
    const { answer, claims, header, code } = await authorize(t, setting, visitor)
    t.match(header, { alg: 'RS256', kid: String })
    t.equal(claims.at_hash, halfHash(answer.body.access_token))
    t.match(claims, { acr: 'aal2', amr: ['pwd', 'otp'], auth_time: Number, sid: String })
    for (const name of ['name', 'email', 'preferred_username'])
      t.notOk(name in claims, `${name} was not asked for`)
    t.ok(code.length >= 32, 'a code that nobody guesses')
    const about = await userinfo(setting, answer.body.access_token)
    t.match(about, { status: 200, body: { sub: claims.sub } })
  },

  'oidcc-response-type-missing': async (t, setting) => {
    const visitor = await newVisitor(setting)
    const asked = await ask(setting, visitor, setting.first, { response_type: undefined })
    const answered = checkedResponse(t, setting, asked, asked.page)
    t.match(answered.error, /^(invalid_request|unsupported_response_type)$/)
    t.notOk('code' in answered)
  },

  'oidcc-idtoken-signature': async (t, setting) => {
    const { header } = await authorize(t, setting, await newVisitor(setting))
    const { body: jwks } = await setting.postern.request('GET', '/.well-known/jwks.json')
    const keys = jwks.keys.filter(({ kid }: { kid: string }) => kid === header.kid)
    t.match(header, { alg: 'RS256' })
    t.match(keys, [{ kty: 'RSA' }], 'its key is published once under its kid')
  },

  'oidcc-idtoken-unsigned': async (t, setting) => {
    const refused = await setting.register({ id_token_signed_response_alg: 'none' })
    t.match(refused, { status: 400, body: { error: 'invalid_request' } })
    const { body } = await setting.postern.request('GET', '/.well-known/openid-configuration')
    t.notOk(body.id_token_signing_alg_values_supported.includes('none'), 'and not offered')
  },

  'oidcc-userinfo-get': async (t, setting) => {
    const { answer, claims } = await authorize(t, setting, await newVisitor(setting))
    const about = await userinfo(setting, answer.body.access_token)
    t.match(about, {
      status: 200,
      body: { sub: claims.sub },
      headers: { 'content-type': /^application\/json/ },
    })
  },

  'oidcc-userinfo-post-header': async (t, setting) => {
    const { answer, claims } = await authorize(t, setting, await newVisitor(setting))
    const { access_token: bearer } = answer.body
    const about = await setting.postern.request('POST', '/oauth2/userinfo', { bearer })
    t.match(about, { status: 200, body: { sub: claims.sub } })
  },

  'oidcc-userinfo-post-body': async (t, setting) => {
    const { answer, claims } = await authorize(t, setting, await newVisitor(setting))
    const form = { access_token: answer.body.access_token }
    const about = await setting.postern.request('POST', '/oauth2/userinfo', { form })
    t.match(about, { status: 200, body: { sub: claims.sub } })
  },

  'oidcc-ensure-request-without-nonce-succeeds-for-code-flow': async (t, setting) => {
    const { claims } = await authorize(t, setting, await newVisitor(setting), { nonce: undefined })
    t.notOk('nonce' in claims)
  },

  'oidcc-alternate-happy-flow': async (t, setting) => {
    const visitor = await newVisitor(setting)
    const parameters = requestParameters(setting, setting.first, { scope: 'email profile openid' })
    const reversed = Object.entries(parameters).reverse()
    const page = await visitor.browser.visit(`/oauth2/authorize?${new URLSearchParams(reversed)}`)
    const answered = checkedResponse(
      t,
      setting,
      { parameters, page },
      await answerPages(setting, visitor, page),
    )
    t.equal((await redeem(setting, setting.first, codeGrant(answered.code ?? ''))).status, 200)
  },

  'oidcc-codereuse': async (t, setting) => {
    const { code } = await authorize(t, setting, await newVisitor(setting))
    const again = await redeem(setting, setting.first, codeGrant(code))
    t.match(again, { status: 400, body: { error: 'invalid_grant' } })
  },

  'oidcc-codereuse-30seconds': async (t, setting) => {
    const { code, answer } = await authorize(t, setting, await newVisitor(setting))
    setting.postern.advance(30)
    const again = await redeem(setting, setting.first, codeGrant(code))
    t.match(again, { status: 400, body: { error: 'invalid_grant' } })
    const about = await userinfo(setting, answer.body.access_token)
    t.match(about, { status: 401, body: { error: 'invalid_token' } }, 'what the first use gave is revoked')
  },

  'oidcc-ensure-registered-redirect-uri': async (t, setting) => {
    const visitor = await newVisitor(setting)
    const { page } = await ask(setting, visitor, setting.first, {
      redirect_uri: `${CALLBACK}/not-registered`,
    })
    t.match(page, { status: 400, left: null })
    t.equal(responseOf(page), null, 'nothing is sent there')
    t.match(page.html, /redirect_uri/, 'the integrator reads what is wrong')
  },

  'oidcc-ensure-post-request-succeeds': async (t, setting) => {
    const visitor = await newVisitor(setting)
    const parameters = requestParameters(setting, setting.first)
    const blank = await visitor.browser.visit('/healthz')
    const form = { action: '/oauth2/authorize', method: 'POST', fields: parameters }
    const page = await visitor.browser.submit(
      { ...blank, forms: [form] },
      {},
      { headers: { origin: 'https://suite.example' } },
    )
    const answered = checkedResponse(
      t,
      setting,
      { parameters, page },
      await answerPages(setting, visitor, page),
    )
    t.equal((await redeem(setting, setting.first, codeGrant(answered.code ?? ''))).status, 200)
  },

  'oidcc-server-client-secret-post': async (t, setting) => {
    const { answer, claims } = await authorize(t, setting, await newVisitor(setting), {}, setting.posting)
    t.match(await userinfo(setting, answer.body.access_token), { status: 200, body: { sub: claims.sub } })
  },

  'oidcc-refresh-token': async (t, setting) => {
    const { first, second } = setting
    const offline = { scope: 'openid offline_access', prompt: 'consent' }
    const { answer, claims } = await authorize(t, setting, await newVisitor(setting), offline)
    t.match(answer.body.refresh_token, /^[\x20-\x7E]+$/)
    const grant = (refreshToken: string) => ({ grant_type: 'refresh_token', refresh_token: refreshToken })
    const renewed = await redeem(setting, first, grant(answer.body.refresh_token))
    t.match(renewed, { status: 200, body: { access_token: String, refresh_token: String } })
    t.not(renewed.body.access_token, answer.body.access_token)
    const { claims: again } = await verifyIdToken(setting, first, renewed.body.id_token)
    const { iss, sub, aud, auth_time: authTime } = claims
    t.match(again, { iss, sub, aud, auth_time: authTime }, 'OpenID Connect Core 12.2')
    t.equal((await userinfo(setting, renewed.body.access_token)).status, 200)

    const other = await authorize(t, setting, await newVisitor(setting), offline, second)
    const stolen = await redeem(setting, first, grant(other.answer.body.refresh_token))
    t.match(stolen, { status: 400, body: { error: 'invalid_grant' } }, "another client's is no good")
    const { body: discovery } = await setting.postern.request('GET', '/.well-known/openid-configuration')
    t.ok(discovery.grant_types_supported.includes('refresh_token'))
  },

  'oidcc-ensure-request-with-valid-pkce-succeeds': async (t, setting) => {
    const visitor = await newVisitor(setting)
    const pkce = { code_challenge: challengeOf(VERIFIER), code_challenge_method: 'S256' }
    const asked = await ask(setting, visitor, setting.first, pkce)
    const { code = '' } = checkedResponse(t, setting, asked, await answerPages(setting, visitor, asked.page))
    const { status } = await redeem(setting, setting.first, codeGrant(code, { code_verifier: VERIFIER }))
    t.equal(status, 200)
  },
}
