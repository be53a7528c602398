// The modules of the suite's plan oidcc-backchannel-rp-initiated-logout-certification-test-plan, each as a test of its
// name (OpenID Connect Back-Channel Logout 1.0).
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createLocalJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { onBothEngines } from '../../support/embedded.ts'
import { eventually } from '../../support/eventually.ts'
import {
  ask,
  authorize,
  checkedResponse,
  newVisitor,
  openSetting,
  POST_LOGOUT,
  type RelyingParty,
} from '../../support/relying-party.ts'

const skip = onBothEngines()

type Received = { method: string; contentType: string; body: string }

/** Where the relying party is called. */
const listen = async (t: Test) => {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', headers } = request
    received.push({
      method,
      contentType: headers['content-type'] ?? '',
      body: Buffer.concat(chunks).toString(),
    })
    response.writeHead(200, { 'cache-control': 'no-store' }).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it does not listen')
  return { uri: `http://127.0.0.1:${address.port}/backchannel_logout`, received }
}

t.test('Back-Channel Logout OP', { skip }, async (t) => {
  const setting = await openSetting(t)
  const { postern } = setting
  const { uri, received } = await listen(t)

  t.test('oidcc-backchannel-logout-discovery-endpoint-verification', async (t) => {
    const { body } = await postern.request('GET', '/.well-known/openid-configuration')
    t.match(body, { backchannel_logout_supported: true, backchannel_logout_session_supported: true })
    t.equal(body.end_session_endpoint, `${postern.config.issuer}/oauth2/logout`)
  })

  t.test('oidcc-backchannel-rp-initiated-logout', async (t) => {
    const registered = await setting.register({
      backchannel_logout_uri: uri,
      backchannel_logout_session_required: true,
    })
    t.equal(registered.status, 201, registered.text)
    const { client_id: clientId, client_secret: secret } = registered.body
    const party: RelyingParty = { clientId, secret, method: 'client_secret_basic' }
    const visitor = await newVisitor(setting)
    const { answer, claims } = await authorize(t, setting, visitor, {}, party)
    const query = { id_token_hint: answer.body.id_token, post_logout_redirect_uri: POST_LOGOUT, state: 'x' }
    const page = await visitor.browser.visit(`/oauth2/logout?${new URLSearchParams(query)}`)
    t.equal(page.left?.href, `${POST_LOGOUT}?state=x`)

    t.ok(await eventually(5_000, async () => received.length > 0), 'the client is called')
    t.match(received, [{ method: 'POST', contentType: /^application\/x-www-form-urlencoded/ }])
    const form = new URLSearchParams(received[0]?.body)
    t.strictSame([...form.keys()], ['logout_token'])
    const { body: jwks } = await postern.request('GET', '/.well-known/jwks.json')
    const { payload, protectedHeader } = await jwtVerify(
      form.get('logout_token') ?? '',
      createLocalJWKSet(jwks),
      {
        issuer: postern.config.issuer,
        audience: clientId,
        currentDate: postern.now(),
      },
    )
    t.match(protectedHeader, { typ: 'logout+jwt', alg: 'RS256' }, 'signed as its ID tokens are')
    t.match(payload, { sub: claims.sub, sid: claims.sid, iat: Number, jti: String })
    t.strictSame(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} })
    t.notOk('nonce' in payload, 'Back-Channel Logout 2.4 forbids it')

    const asked = await ask(setting, visitor, party, { prompt: 'none' })
    t.match(checkedResponse(t, setting, asked, asked.page), { error: 'login_required' })
  })
})
