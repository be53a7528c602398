// The module of the suite's plan oidcc-config-certification-test-plan (OpenID Connect Discovery 3).
import t from 'tap'
import { onBothEngines } from '../../support/embedded.ts'
import { openSetting } from '../../support/relying-party.ts'

const skip = onBothEngines()

const ISSUER = 'https://accounts.example'
const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'userinfo_endpoint',
  'jwks_uri',
  'end_session_endpoint',
]

t.test('Config OP', { skip }, async (t) => {
  const { postern } = await openSetting(t, 'query', { POSTERN_ISSUER: ISSUER })

  t.test('oidcc-discovery-endpoint-verification', async (t) => {
    const { status, body, headers } = await postern.request('GET', '/.well-known/openid-configuration')
    t.equal(status, 200)
    t.match(headers, { 'content-type': /^application\/json/ })
    t.equal(body.issuer, ISSUER)
    for (const name of ENDPOINTS) t.match(body[name], /^https:\/\/accounts\.example\//, name)
    t.strictSame(body.response_types_supported, ['code'])
    t.ok(body.subject_types_supported.includes('public'))
    t.ok(
      body.id_token_signing_alg_values_supported.includes('RS256'),
      'OpenID Connect Discovery 3 wants it of all',
    )
    t.ok(body.scopes_supported.includes('openid'))
    t.match(body.grant_types_supported, ['authorization_code'])
    t.equal(body.claims_parameter_supported, true)
    t.ok(body.claims_supported.includes('sub'))
    t.match(body.token_endpoint_auth_methods_supported, ['client_secret_basic'])
  })

  t.test('its keys are public, each with a kid of its own', async (t) => {
    const { body } = await postern.request('GET', '/.well-known/jwks.json')
    const kids = body.keys.map(({ kid }: { kid: string }) => kid)
    t.equal(new Set(kids).size, kids.length)
    t.ok(body.keys.some(({ kty, alg }: { kty: string; alg: string }) => kty === 'RSA' && alg === 'RS256'))
    for (const key of body.keys) for (const part of ['d', 'p', 'q', 'k']) t.notOk(part in key, part)
  })
})
