import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { openTestApp, type TestApp } from '../support/app.ts'
import { type AssertionKey, byAssertion, newAssertionKey } from '../support/assertion.ts'
import { onBothEngines } from '../support/embedded.ts'
import { openReplicas } from '../support/replicas.ts'
import { missingServer } from '../support/servers.ts'

const skip = onBothEngines()

const METHOD = { tokenEndpointAuthMethod: 'private_key_jwt' } as const

const askWith = (postern: TestApp, assertion: string, form: Record<string, string> = {}) =>
  postern.request('POST', '/oauth2/token', {
    form: { grant_type: 'client_credentials', ...byAssertion(assertion), ...form },
  })

/** A server of a client's keys, which counts its requests. */
const serveKeys = async (t: Test, answer: { keys: AssertionKey[]; status?: number; body?: string }) => {
  const served = { count: 0, answer }
  const server = createServer((_request, response) => {
    served.count += 1
    const { keys, status = 200, body } = served.answer
    response.writeHead(status).end(body ?? JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { served, jwksUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks` }
}

t.test('a client that is registered for private_key_jwt', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const key = await newAssertionKey()
  const { clientId } = await postern.createClient({ ...METHOD, jwks: { keys: [key.jwk] } })

  t.test('gets a token by an assertion, with or without its client_id', async (t) => {
    for (const form of [{}, { client_id: clientId }]) {
      const { status, text } = await askWith(postern, await key.assertion(postern, clientId), form)
      t.equal(status, 200, text)
    }
    const { issuer } = postern.config
    for (const claims of [{ aud: [issuer] }, { iat: undefined }, { nbf: Math.floor(Date.now() / 1000) }]) {
      const assertion = await key.assertion(postern, clientId, { claims })
      t.equal((await askWith(postern, assertion)).status, 200, JSON.stringify(claims))
    }
    const typed = await key.assertion(postern, clientId, { header: { typ: 'client-authentication+jwt' } })
    t.equal((await askWith(postern, typed)).status, 200)
  })

  t.test('may use every algorithm, or the one that it is registered for', async (t) => {
    for (const alg of ['PS256', 'EdDSA', 'Ed25519', 'RS256']) {
      const other = await newAssertionKey(alg)
      const jwks = { keys: [{ ...other.jwk, alg: undefined }] } as never
      const any = await postern.createClient({ ...METHOD, jwks })
      t.equal((await askWith(postern, await other.assertion(postern, any.clientId))).status, 200, alg)
      const strict = await postern.createClient({ ...METHOD, jwks, tokenEndpointAuthSigningAlg: 'ES256' })
      t.match(await askWith(postern, await other.assertion(postern, strict.clientId)), {
        status: 401,
        body: { error: 'invalid_client', error_description: /algorithm/ },
      })
    }
  })

  t.test('is refused, recorded, and told why', async (t) => {
    const { issuer } = postern.config
    const seconds = Math.floor(postern.now().getTime() / 1000)
    const stranger = await newAssertionKey('ES256', String(key.jwk.kid))
    const signed = (claims: object, header = {}) => key.assertion(postern, clientId, { claims, header })
    const good = await signed({})
    for (const [assertion = '', reason = ''] of [
      [await signed({ aud: `${issuer}/oauth2/token` }), 'assertion_audience'],
      [await signed({ aud: [issuer, 'https://other.example'] }), 'assertion_audience'],
      [await signed({ aud: `${issuer}/` }), 'assertion_audience'],
      [await signed({ aud: undefined }), 'assertion_claims'],
      [await signed({ iss: 'somebody' }), 'assertion_claims'],
      [await signed({ sub: 'somebody' }), 'unknown_client'],
      [await signed({ jti: undefined }), 'assertion_claims'],
      [await signed({ jti: '' }), 'assertion_id'],
      [await signed({ jti: 'x'.repeat(257) }), 'assertion_id'],
      [await signed({ exp: undefined }), 'assertion_claims'],
      [await signed({ exp: seconds - 11 }), 'assertion_expired'],
      [await signed({ exp: seconds + 400 }), 'assertion_lifetime'],
      [await signed({ iat: seconds + 61 }), 'assertion_time'],
      [await signed({ nbf: seconds + 61 }), 'assertion_claims'],
      [await signed({}, { typ: 'dpop+jwt' }), 'assertion_malformed'],
      [await signed({}, { kid: 'another' }), 'assertion_key'],
      [await stranger.assertion(postern, clientId), 'assertion_signature'],
      [`${good.slice(0, good.lastIndexOf('.'))}.`, 'assertion_signature'],
      ['x.y.z', 'unknown_client'],
    ]) {
      const refused = await askWith(postern, assertion)
      t.match(refused, { status: 401, body: { error: 'invalid_client' } }, reason)
      const events = await postern.auditEvents({ event: 'client_authentication.failed' })
      t.equal(events.at(-1)?.details.reason, reason)
    }
  })

  t.test('is not authenticated without a signature', async (t) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const [, payload] = (await key.assertion(postern, clientId)).split('.')
    for (const alg of ['none', 'HS256']) {
      const assertion = `${part({ alg, kid: key.jwk.kid })}.${payload}.`
      t.match(await askWith(postern, assertion), { status: 401, body: { error: 'invalid_client' } }, alg)
    }
  })

  t.test('proves itself once by each assertion', async (t) => {
    const assertion = await key.assertion(postern, clientId)
    t.equal((await askWith(postern, assertion)).status, 200)
    t.match(await askWith(postern, assertion), {
      status: 401,
      body: { error: 'invalid_client', error_description: /used before/ },
    })
  })

  t.test('one way a request, and the way that it is registered for', async (t) => {
    const assertion = () => key.assertion(postern, clientId)
    const basic = await postern.createClient()
    const post = await postern.createClient({ tokenEndpointAuthMethod: 'client_secret_post' })
    const grant = { grant_type: 'client_credentials' }
    for (const [options, status] of [
      [{ basic, form: { ...grant } }, 200],
      [{ form: { ...grant, client_id: post.clientId, client_secret: post.secret } }, 200],
      [{ basic: post, form: { ...grant } }, 401],
      [{ form: { ...grant, client_id: basic.clientId, client_secret: basic.secret } }, 401],
      [{ form: { ...grant, client_id: clientId } }, 401],
      [{ form: { ...grant, client_id: clientId, client_secret: 'x' } }, 401],
      [{ basic: { clientId, secret: 'x' }, form: { ...grant } }, 401],
      [{ form: { ...grant, ...byAssertion(await key.assertion(postern, basic.clientId)) } }, 401],
      [{ form: { ...grant, client_id: basic.clientId, ...byAssertion(await assertion()) } }, 401],
      [{ basic, form: { ...grant, ...byAssertion(await assertion()) } }, 400],
      [{ form: { ...grant, client_secret: 'x', ...byAssertion(await assertion()) } }, 400],
      [{ form: { ...grant, client_assertion: await assertion() } }, 400],
      [{ form: { ...grant, client_assertion: await assertion(), client_assertion_type: 'saml' } }, 400],
    ] as const) {
      const answer = await postern.request('POST', '/oauth2/token', options)
      t.equal(answer.status, status, `${JSON.stringify(options)}: ${answer.text}`)
    }
  })
})

t.test("the keys at a client's jwks_uri", { skip }, async (t) => {
  const postern = await openTestApp(t, { environment: { POSTERN_ALLOW_PRIVATE_ADDRESSES: '127.0.0.0/8' } })
  const [key, next] = [await newAssertionKey(), await newAssertionKey()]

  t.test('are fetched once, and not for each assertion that names an unknown key', async (t) => {
    const { served, jwksUri } = await serveKeys(t, { keys: [key] })
    const { clientId } = await postern.createClient({ ...METHOD, jwksUri })
    const ask = async (by: AssertionKey) =>
      (await askWith(postern, await by.assertion(postern, clientId))).status
    t.equal(await ask(key), 200)
    t.equal(await ask(key), 200)
    t.equal(served.count, 1)
    for (const _ of [1, 2, 3]) t.equal(await ask(next), 401)
    t.equal(served.count, 1)
  })

  t.test('that cannot be had refuse the client, and are not asked for again at once', async (t) => {
    for (const answer of [
      { keys: [], status: 500 },
      { keys: [], status: 302 },
      { keys: [], body: 'no JSON' },
      { keys: [], body: '{"keys":1}' },
      { keys: [], body: `{"keys":[],"x":"${'x'.repeat(70_000)}"}` },
    ]) {
      const { served, jwksUri } = await serveKeys(t, answer)
      const { clientId } = await postern.createClient({ ...METHOD, jwksUri })
      const ask = async () => askWith(postern, await key.assertion(postern, clientId))
      for (const _ of [1, 2]) {
        t.match(await ask(), {
          status: 401,
          body: { error: 'invalid_client', error_description: /jwks_uri/ },
        })
      }
      t.equal(served.count, 1)
      const [event] = (await postern.auditEvents({ event: 'client_authentication.failed' })).slice(-1)
      t.match(event, { client_id: clientId, details: { reason: /^jwks_uri_/ } })
      served.answer = { keys: [key] }
      postern.advance(10)
      t.equal((await ask()).status, 200, 'ten seconds later they are')
    }
  })

  t.test('at a private address are not fetched', async (t) => {
    const guarded = await openTestApp(t)
    const { served, jwksUri } = await serveKeys(t, { keys: [key] })
    const { clientId } = await guarded.createClient({ ...METHOD, jwksUri })
    const refused = await askWith(guarded, await key.assertion(guarded, clientId))
    t.match(refused, { status: 401, body: { error: 'invalid_client' } })
    t.equal(served.count, 0)
  })
})

const needsServers = missingServer('postgres') || missingServer('redis')

t.test(
  'one assertion, used 50 times at once on two replicas, passes once',
  { skip: needsServers },
  async (t) => {
    const replicas = await openReplicas(t)
    const [first] = replicas
    const key = await newAssertionKey()
    const { clientId } = await first.createClient({ ...METHOD, jwks: { keys: [key.jwk] } })
    const assertion = await key.assertion(first, clientId)
    const attempts = Array.from({ length: 50 }, (_, index) =>
      askWith(replicas[index % 2] ?? first, assertion),
    )
    const statuses = (await Promise.all(attempts)).map(({ status }) => status)
    t.equal(statuses.filter((status) => status === 200).length, 1)
    t.equal(statuses.filter((status) => status === 401).length, 49)
  },
)
