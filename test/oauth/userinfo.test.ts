import { createLocalJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import { openTestApp, type TestApp } from '../support/app.ts'
import { newDpopKey, requestWithProof, tokenWithProof } from '../support/dpop.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

const PATH = '/oauth2/userinfo'
const PUBLIC = { tokenEndpointAuthMethod: 'none', firstParty: true } as const

type Wanted = Parameters<TestApp['createClient']>[0]

/** The tokens of a session of `client`. */
const signInAt = async (postern: TestApp, wanted: Wanted, scope?: string) => {
  const { clientId } = await postern.createClient({ ...PUBLIC, ...wanted })
  const claims = { given_name: 'Ada', phone_number: '+4930', address: { country: 'UK' } }
  const account = await postern.createAccount({ email: `${clientId}@example.org`, claims })
  const { username, password } = account
  const body = { username, password, client_id: clientId, ...(scope !== undefined && { scope }) }
  return { account, clientId, tokens: (await postern.request('POST', '/v1/login', { body })).body }
}

const ALL = ['openid', 'profile', 'email', 'phone', 'address', 'roles', 'postern:me']

t.test('userinfo', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const get = (bearer: string) => postern.request('GET', PATH, { bearer })

  t.test('says what the scopes of the token ask for, to GET, POST and a form', async (t) => {
    const { account, tokens } = await signInAt(postern, { scopes: ALL }, 'openid phone address roles')
    const expected = {
      sub: account.id,
      phone_number: '+4930',
      phone_number_verified: false,
      address: { country: 'UK' },
      roles: ['user'],
    }
    const bearer = tokens.access_token
    for (const answer of [
      await get(bearer),
      await postern.request('POST', PATH, { bearer }),
      await postern.request('POST', PATH, { form: { access_token: bearer } }),
    ]) {
      t.equal(answer.status, 200, answer.text)
      t.same(answer.body, expected)
      t.equal(answer.headers['cache-control'], 'no-store')
    }
    const { tokens: few } = await signInAt(postern, { scopes: ALL }, 'openid')
    t.same(Object.keys((await get(few.access_token)).body), ['sub'])
  })

  t.test('has the sub of the ID token, also for a pairwise client', async (t) => {
    const { account, tokens } = await signInAt(postern, { scopes: ALL, subjectType: 'pairwise' })
    const { body } = await get(tokens.access_token)
    t.equal(body.sub, tokens.sub)
    t.not(body.sub, account.id)
  })

  t.test('is a JWT for a client that is registered so', async (t) => {
    const signed = { scopes: ALL, userinfoSignedResponseAlg: 'ES256' } as const
    const { account, clientId, tokens } = await signInAt(postern, signed)
    const answer = await get(tokens.access_token)
    t.match(answer, { status: 200, headers: { 'content-type': /^application\/jwt/ } })
    const jwks = createLocalJWKSet((await postern.request('GET', '/.well-known/jwks.json')).body)
    const expected = { issuer: postern.config.issuer, audience: clientId, currentDate: postern.now() }
    const { payload } = await jwtVerify(answer.text, jwks, expected)
    t.match(payload, { sub: account.id, given_name: 'Ada' })
    t.notOk('exp' in payload, 'it cannot be taken for an ID token')
  })

  t.test('takes a token for the client itself, and none for a resource server', async (t) => {
    const own = await signInAt(postern, { scopes: ['openid'], firstParty: true, audience: [] })
    t.equal((await get(own.tokens.access_token)).status, 200)
    const other = await signInAt(postern, { scopes: ['openid'], audience: ['https://api.example'] })
    t.match(await get(other.tokens.access_token), { status: 401, body: { error: 'invalid_token' } })
  })

  t.test('is refused without a token, or by another, with the header of RFC 6750', async (t) => {
    const { tokens } = await signInAt(postern, { scopes: ALL })
    const noOpenid = await signInAt(postern, { scopes: ALL }, 'profile')
    const client = await postern.createClient()
    const own = await postern.request('POST', '/oauth2/token', {
      basic: client,
      form: { grant_type: 'client_credentials' },
    })
    for (const [options, status, error] of [
      [{}, 401, 'invalid_token'],
      [{ bearer: 'x.y.z' }, 401, 'invalid_token'],
      [{ bearer: tokens.id_token }, 401, 'invalid_token'],
      [{ bearer: tokens.refresh_token }, 401, 'invalid_token'],
      [{ bearer: own.body.access_token }, 401, 'invalid_token'],
      [{ basic: client }, 401, 'invalid_token'],
      [{ bearer: noOpenid.tokens.access_token }, 403, 'insufficient_scope'],
    ] as const) {
      const refused = await postern.request('GET', PATH, options)
      t.match(refused, { status, body: { error } }, JSON.stringify(options))
      t.match(String(refused.headers['www-authenticate']), `Bearer error="${error}"`)
    }
    const twice = { bearer: tokens.access_token, form: { access_token: tokens.access_token } }
    t.equal((await postern.request('POST', PATH, twice)).status, 400)
    t.equal((await postern.request('POST', PATH, { form: {} })).status, 401)
    const query = `${PATH}?access_token=${tokens.access_token}`
    t.equal((await postern.request('GET', query)).status, 401, 'not in a URL, which ends up in logs')
  })

  t.test('ends with the session, and with the account', async (t) => {
    const ended = await signInAt(postern, { scopes: ALL })
    await postern.request('POST', '/v1/logout', { bearer: ended.tokens.access_token })
    t.match(await get(ended.tokens.access_token), { status: 401, body: { error: 'invalid_token' } })
  })

  t.test('takes a token that is bound to a key with its proof alone, and never in a form', async (t) => {
    const { clientId, tokens } = await signInAt(postern, { scopes: ALL })
    const key = await newDpopKey()
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: clientId }
    const { access_token: accessToken } = (await tokenWithProof(postern, key, { form })).body
    for (const method of ['GET', 'POST']) {
      const answer = await requestWithProof(postern, key, { method, path: PATH, accessToken })
      t.equal(answer.status, 200, answer.text)
    }
    t.equal((await get(accessToken)).status, 401)
    t.equal((await postern.request('POST', PATH, { form: { access_token: accessToken } })).status, 401)
  })
})
