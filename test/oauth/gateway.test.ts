import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, exportJWK, jwtVerify, SignJWT } from 'jose'
import t from 'tap'
import { systemOrigin } from '../../src/audit/event.ts'
import { rotateSigningKeys } from '../../src/tokens/create-signing-key.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

/** What an API gateway does: fetches the JWKS and verifies with jose. */
const gateway = async (postern: TestApp, token: string, audience = postern.config.issuer) => {
  const { body } = await postern.request('GET', '/.well-known/jwks.json')
  return jwtVerify(token, createLocalJWKSet(body), {
    issuer: postern.config.issuer,
    audience,
    typ: 'at+jwt',
    algorithms: ['ES256'],
    currentDate: postern.now(),
  })
}

t.test('tokens, as a gateway sees them', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount({ roles: ['admin', 'radiology'], email: 'ada@example.org' })
  const totp = await postern.enrollTotp(account)

  t.test('an access token verifies from the JWKS and carries the claims of RFC 9068', async (t) => {
    const tokens = await postern.signIn(account, totp)
    const { payload } = await gateway(postern, tokens.access_token)
    t.match(payload, {
      iss: 'http://localhost:8400',
      sub: account.id,
      aud: ['http://localhost:8400'],
      client_id: 'postern',
      sid: tokens.sid,
      acr: 'aal2',
      amr: ['pwd', 'otp', 'mfa'],
      scope: 'openid profile email offline_access postern:me postern:admin',
      roles: ['admin', 'radiology'],
      jti: String,
      auth_time: tokens.auth_time,
    })
    t.equal((payload.exp ?? 0) - (payload.iat ?? 0), 600)
  })

  t.test('an ID token carries the profile, at_hash and sid, and is no access token', async (t) => {
    const tokens = await postern.signIn(account, totp)
    t.match(decodeJwt(tokens.id_token), {
      aud: 'postern',
      sub: account.id,
      sid: tokens.sid,
      preferred_username: account.username,
      email: 'ada@example.org',
      email_verified: false,
      at_hash: /^[\w-]{22}$/,
    })
    t.equal(decodeProtectedHeader(tokens.id_token).typ, 'JWT')
    await t.rejects(gateway(postern, tokens.id_token, 'postern'))
    t.equal((await postern.request('POST', '/v1/logout', { bearer: tokens.id_token })).status, 401)
  })

  t.test('a narrower scope is granted as asked, with fewer claims', async (t) => {
    const plain = await postern.createAccount({ email: 'plain@example.org' })
    const body = { username: plain.username, password: plain.password, scope: 'openid openid' }
    const tokens = (await postern.request('POST', '/v1/login', { body })).body
    t.equal(tokens.scope, 'openid')
    t.notMatch(decodeJwt(tokens.id_token), { email: String })
    const more = await postern.request('POST', '/v1/login', { body: { ...body, scope: 'openid challenges' } })
    t.match(more, { status: 400, body: { error: 'invalid_scope' } })
  })

  t.test('Postern refuses a token that was tampered with, forged or misdirected', async (t) => {
    const tokens = await postern.signIn(account, totp)
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const claims = decodeJwt(tokens.access_token)
    const { kid = '' } = decodeProtectedHeader(tokens.access_token)
    const forge = (key: KeyObject | Uint8Array, header: object, changed: object = {}) =>
      new SignJWT({ ...claims, ...changed })
        .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt', ...header })
        .sign(key)
    const [head = '', , signature = ''] = tokens.access_token.split('.')
    const richer = Buffer.from(JSON.stringify({ ...claims, roles: ['owner'] })).toString('base64url')
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
    for (const [name, token] of [
      ['other claims', `${head}.${richer}.${signature}`],
      ['no algorithm', `${none}.${richer}.`],
      [
        'a key of its own in the header',
        await forge(stranger.privateKey, { jwk: await exportJWK(stranger.publicKey) }),
      ],
      ["a stranger's key under our kid", await forge(stranger.privateKey, {})],
      ['an unknown kid', await forge(stranger.privateKey, { kid: 'unknown' })],
      ['a public key as an HMAC secret', await forge(Buffer.from(kid.padEnd(64)), { alg: 'HS256' })],
      ['nothing at all', 'x'],
      ['too long', 'x'.repeat(9000)],
    ] as const) {
      const refused = await postern.request('POST', '/v1/logout', { bearer: token })
      t.match(refused, { status: 401, body: { error: 'invalid_token' } }, name)
      t.match(refused.headers['www-authenticate'], /^Bearer error="invalid_token"/)
    }
    t.equal((await postern.request('POST', '/v1/logout', {})).status, 401, 'no token')
  })

  t.test('Postern refuses what its own key has signed as anything else', async (t) => {
    const { access_token: token } = await postern.signIn(account, totp)
    const { kid, privateKey } = postern.deps.signingKeys.current(postern.now())
    const claims = decodeJwt(token)
    const sign = (header: object, changed: object = {}) =>
      new SignJWT({ ...claims, ...changed })
        .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt', ...header })
        .sign(privateKey, { crit: { 'urn:example:unknown': true } })
    const ask = (bearer: string) => postern.request('GET', '/v1/me', { bearer })
    t.equal((await ask(await sign({}))).status, 200, 'unchanged it is one of ours')
    const now = Math.floor(postern.now().getTime() / 1000)
    for (const [name, forged] of [
      ['an unknown crit', await sign({ crit: ['urn:example:unknown'], 'urn:example:unknown': 1 })],
      ['an ID token', await sign({ typ: 'JWT' })],
      ['a logout token', await sign({ typ: 'logout+jwt' })],
      ['no type', await sign({ typ: undefined })],
      ['no kid', await sign({ kid: undefined })],
      ['another issuer', await sign({}, { iss: 'https://else.example' })],
      ['another audience', await sign({}, { aud: ['postern'] })],
      ['no audience', await sign({}, { aud: undefined })],
      ['no lifetime', await sign({}, { exp: undefined })],
      ['a lifetime that is over', await sign({}, { iat: now - 601, exp: now - 1 })],
      ['a lifetime that has not begun', await sign({}, { iat: now + 300, exp: now + 900 })],
      ['no jti', await sign({}, { jti: undefined })],
      ['no client', await sign({}, { client_id: undefined })],
      ['no session', await sign({}, { sid: undefined })],
      ['a session of a client', await sign({}, { client_id: account.id })],
    ] as const) {
      t.match(await ask(forged), { status: 401, body: { error: 'invalid_token' } }, name)
    }

    const { clientId } = await postern.createClient()
    const open = (bearer: string) =>
      postern.request('POST', '/v1/challenges', { bearer, body: { subject: 'someone' } })
    const own = { sub: clientId, client_id: clientId, sid: undefined, scope: 'challenges' }
    t.equal((await open(await sign({}, own))).status, 200, 'a client’s own names it twice, and no session')
    for (const [name, changed] of [
      ['an account without a session', { sub: account.id }],
      ['another client', { sub: 'postern' }],
      ['a client with a session', { sid: claims.sid }],
    ] as const) {
      const forged = await sign({}, { ...own, ...changed })
      t.match(await open(forged), { status: 401, body: { error: 'invalid_token' } }, name)
    }
  })

  t.test('an expired token is refused, also where it has been seen before', async (t) => {
    const client = await postern.createClient()
    const { body } = await postern.request('POST', '/oauth2/token', {
      basic: client,
      form: { grant_type: 'client_credentials' },
    })
    const open = () =>
      postern.request('POST', '/v1/challenges', { bearer: body.access_token, body: { subject: 'someone' } })
    t.equal((await open()).status, 200)
    postern.advance(601)
    t.match(await open(), { status: 401, body: { error: 'invalid_token' } })
  })

  t.test('a bearer token whose session has ended is refused at once', async (t) => {
    const tokens = await postern.signIn(account, totp)
    const logout = () => postern.request('POST', '/v1/logout', { bearer: tokens.access_token })
    t.equal((await logout()).status, 204)
    t.match(await logout(), { status: 401, body: { error: 'invalid_token' } })
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'postern' }
    t.equal((await postern.request('POST', '/oauth2/token', { form })).body.error, 'invalid_grant')
    await gateway(postern, tokens.access_token)
    t.pass('a gateway that asks nobody still takes it until it expires: ten minutes')
  })

  t.test(
    'a new key is published before it signs, and the old one stays until its last token is gone',
    async (t) => {
      const kids = async () =>
        (await postern.request('GET', '/.well-known/jwks.json')).body.keys.map(
          ({ kid }: { kid: string }) => kid,
        )
      const [old] = await kids()
      const [next] = await rotateSigningKeys(postern.deps, systemOrigin(postern.now()))
      await postern.deps.signingKeys.reload()
      t.same(await kids(), [old, next?.kid])
      const again = rotateSigningKeys(postern.deps, systemOrigin(postern.now()))
      await t.rejects(again, { code: 'conflict' }, 'one waits already')

      const before = await postern.signIn(account, totp)
      t.equal(decodeProtectedHeader(before.access_token).kid, old)
      postern.advance(590)
      const { access_token: last } = await postern.signIn(account, totp)
      const after = await postern.signIn(account, totp)
      t.equal(decodeProtectedHeader(after.access_token).kid, next?.kid)
      await gateway(postern, last)
      await gateway(postern, after.access_token)
      postern.advance(700)
      t.same(await kids(), [next?.kid])
    },
  )

  t.test('the discovery documents name what is there, under the configured issuer', async (t) => {
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
      const { body, headers } = await postern.request('GET', path, { headers: { host: 'evil.example' } })
      t.match(body, {
        issuer: 'http://localhost:8400',
        jwks_uri: 'http://localhost:8400/.well-known/jwks.json',
        token_endpoint: 'http://localhost:8400/oauth2/token',
        grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      })
      t.match(headers['cache-control'], /max-age=300/)
    }
  })
})
