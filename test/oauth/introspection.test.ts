import { createLocalJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import { openTestApp, type TestApp, type TestClient } from '../support/app.ts'
import { byAssertion, newAssertionKey } from '../support/assertion.ts'
import { newDpopKey, tokenWithProof } from '../support/dpop.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

const PATH = '/oauth2/introspect'
const API = 'https://api.example'
const INACTIVE = '{"active":false}'

const introspect = (postern: TestApp, basic: TestClient, token: string, headers = {}) =>
  postern.request('POST', PATH, { basic, form: { token }, headers })

/** A session of a first-party client whose access tokens are for `audience`. */
const signInAt = async (postern: TestApp, client: TestClient) => {
  const account = await postern.createAccount()
  const { username, password } = account
  const { body } = await postern.request('POST', '/v1/login', { basic: client, body: { username, password } })
  return { account, tokens: body }
}

t.test('introspection', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const scopes = ['openid', 'profile']
  const app = await postern.createClient({ firstParty: true, scopes, audience: [API] })
  const api = await postern.createClient({ scopes: [], audience: [API] })
  const stranger = await postern.createClient()
  const { account, tokens } = await signInAt(postern, app)

  t.test('tells the client of a token, and whom it is for, what it is', async (t) => {
    for (const who of [app, api]) {
      const { status, body } = await introspect(postern, who, tokens.access_token)
      t.match(
        { status, body },
        {
          status: 200,
          body: {
            active: true,
            iss: postern.config.issuer,
            sub: account.id,
            aud: [API],
            client_id: app.clientId,
            scope: 'openid profile',
            token_type: 'Bearer',
            sid: tokens.sid,
            acr: 'aal1',
          },
        },
      )
      t.ok(body.exp > body.iat)
    }
    const named = await postern.createClient({ clientId: 'https-api', firstParty: true, scopes })
    const own = await signInAt(postern, named)
    t.equal((await introspect(postern, named, own.tokens.access_token)).body.active, true)
  })

  t.test('tells anyone else no more than that a token is not active', async (t) => {
    const [, payload] = String(tokens.access_token).split('.')
    for (const [who, token] of [
      [stranger, tokens.access_token],
      [stranger, tokens.refresh_token],
      [api, tokens.refresh_token],
      [app, tokens.id_token],
      [app, `${tokens.refresh_token.slice(0, -4)}AAAA`],
      [app, `e30.${payload}.e30`],
      [app, 'x'],
      [app, app.secret],
    ] as const) {
      const { status, text } = await introspect(postern, who, token)
      t.same({ status, text }, { status: 200, text: INACTIVE })
    }
  })

  t.test('needs a client that proves who it is', async (t) => {
    const form = { token: tokens.access_token }
    const open = await postern.createClient({ tokenEndpointAuthMethod: 'none', audience: [API] })
    for (const options of [
      { form },
      { form: { ...form, client_id: open.clientId } },
      { basic: { ...app, secret: 'wrong' }, form },
      { bearer: tokens.access_token, form },
    ]) {
      t.match(await postern.request('POST', PATH, options), {
        status: 401,
        body: { error: 'invalid_client' },
      })
    }
    const key = await newAssertionKey()
    const method = { tokenEndpointAuthMethod: 'private_key_jwt' } as const
    const jwks = { keys: [key.jwk] }
    const { clientId } = await postern.createClient({ ...method, jwks, audience: [API] })
    const assertion = byAssertion(await key.assertion(postern, clientId))
    t.match((await postern.request('POST', PATH, { form: { ...form, ...assertion } })).body, { active: true })
  })

  t.test('knows a refresh token while it is the current one', async (t) => {
    const { account: who, tokens: first } = await signInAt(postern, app)
    t.match((await introspect(postern, app, first.refresh_token)).body, {
      active: true,
      sub: who.id,
      client_id: app.clientId,
      token_type: 'refresh_token',
    })
    const form = { grant_type: 'refresh_token', refresh_token: first.refresh_token }
    const { body: next } = await postern.request('POST', '/oauth2/token', { basic: app, form })
    t.equal((await introspect(postern, app, first.refresh_token)).text, INACTIVE)
    t.equal((await introspect(postern, app, next.refresh_token)).body.active, true)
  })

  t.test('names the key that a token is bound to', async (t) => {
    const key = await newDpopKey()
    const form = { grant_type: 'client_credentials', scope: 'challenges' }
    const { body } = await tokenWithProof(postern, key, { basic: stranger, form })
    t.match((await introspect(postern, stranger, body.access_token)).body, {
      active: true,
      sub: stranger.clientId,
      scope: 'challenges',
      token_type: 'DPoP',
      cnf: { jkt: key.jkt },
    })
  })

  t.test('answers a JWT that is no access token, where it is asked for or registered', async (t) => {
    const jwks = createLocalJWKSet((await postern.request('GET', '/.well-known/jwks.json')).body)
    const accept = { accept: 'application/token-introspection+jwt' }
    const always = await postern.createClient({ audience: [API], introspectionSignedResponseAlg: 'ES256' })
    for (const [who, headers] of [
      [app, accept],
      [always, {}],
    ] as const) {
      const answer = await introspect(postern, who, tokens.access_token, headers)
      t.match(String(answer.headers['content-type']), /^application\/token-introspection\+jwt/)
      const { payload } = await jwtVerify(answer.text, jwks, {
        issuer: postern.config.issuer,
        audience: who.clientId,
        typ: 'token-introspection+jwt',
        currentDate: postern.now(),
      })
      t.match(payload, { token_introspection: { active: true, sub: account.id } })
      t.notOk('sub' in payload || 'exp' in payload)
      t.equal((await introspect(postern, stranger, answer.text)).text, INACTIVE)
    }
  })

  t.test('of a token whose session, client or account has ended is inactive', async (t) => {
    const ended = await signInAt(postern, app)
    await postern.deps.ephemeral.sessions.end(ended.account.id, ended.tokens.sid, postern.now().getTime())
    for (const token of [ended.tokens.access_token, ended.tokens.refresh_token])
      t.equal((await introspect(postern, app, token)).text, INACTIVE)
    const { tokens: disabled, account: who } = await signInAt(postern, app)
    const disable = { name: 'test_disable', text: "UPDATE accounts SET status = 'disabled' WHERE id = $1" }
    await postern.changeByHand(disable, [who.id])
    t.equal((await introspect(postern, app, disabled.access_token)).text, INACTIVE)
    postern.advance(601)
    t.equal((await introspect(postern, app, tokens.access_token)).text, INACTIVE)
  })
})
