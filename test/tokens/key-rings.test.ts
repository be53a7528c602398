import { createHash } from 'node:crypto'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import t from 'tap'
import { changeClient } from '../../src/administration/clients/change-client.ts'
import { systemOrigin } from '../../src/audit/event.ts'
import { SIGNING_ALGORITHMS } from '../../src/clients/members.ts'
import { signInAdministrator } from '../support/administrator.ts'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { runCommand } from '../support/commands.ts'
import { onBothEngines } from '../support/embedded.ts'
import { openReplicas } from '../support/replicas.ts'
import { missingServer } from '../support/servers.ts'

const skip = onBothEngines()

const register = async (postern: TestApp, members: object) => {
  const { bearer } = await signInAdministrator(postern)
  const answer = await postern.request('POST', '/v1/admin/clients', {
    bearer,
    body: { name: 'App', first_party: true, token_endpoint_auth_method: 'none', ...members },
  })
  if (answer.status !== 201) throw new Error(answer.text)
  return answer.body.client_id as string
}

const jwks = async (postern: TestApp): Promise<JSONWebKeySet> =>
  (await postern.request('GET', '/.well-known/jwks.json')).body

const algorithms = async (postern: TestApp) => (await jwks(postern)).keys.map(({ alg }) => alg).sort()

const signInThrough = async (postern: TestApp, clientId: string) => {
  const { username } = await postern.createAccount()
  const body = { username, password: PASSWORD, client_id: clientId }
  const answer = await postern.request('POST', '/v1/login', { body })
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body
}

for (const algorithm of SIGNING_ALGORITHMS) {
  t.test(`${algorithm}: ID tokens as registered, from the first sign-in on`, { skip }, async (t) => {
    const postern = await openTestApp(t)
    const clientId = await register(postern, { id_token_signed_response_alg: algorithm })
    const tokens = await signInThrough(postern, clientId)
    const keys = createLocalJWKSet(await jwks(postern))
    const options = { issuer: postern.config.issuer, audience: clientId, currentDate: postern.now() }
    const { payload, protectedHeader } = await jwtVerify(tokens.id_token, keys, options)
    t.equal(protectedHeader.alg, algorithm)
    const digest = createHash(algorithm === 'EdDSA' ? 'sha512' : 'sha256')
      .update(tokens.access_token)
      .digest()
    t.equal(payload.at_hash, digest.subarray(0, digest.length / 2).toString('base64url'))
    t.equal(decodeProtectedHeader(tokens.access_token).alg, 'ES256', 'access tokens stay as they are')
    t.same(await algorithms(postern), [...new Set(['ES256', algorithm])].sort())
  })
}

t.test('a ring is made when a client changes to its algorithm, and one alone', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const clientIds = await Promise.all([1, 2, 3, 4].map(async () => (await postern.createClient()).clientId))
  await Promise.all(
    clientIds.map((clientId) =>
      changeClient(postern.deps, systemOrigin(postern.now()), clientId, {
        userinfoSignedResponseAlg: 'RS256',
        introspectionSignedResponseAlg: 'EdDSA',
      }),
    ),
  )
  t.same(await algorithms(postern), ['ES256', 'EdDSA', 'RS256'])
  const created = await postern.auditEvents({ event: 'signing_key.created' })
  t.same(created.map(({ details }) => details.algorithm).sort(), ['ES256', 'EdDSA', 'RS256'])
})

t.test(
  'replicas that make a ring at once make one, and each signs with it',
  { skip: missingServer('postgres') || missingServer('redis') },
  async (t) => {
    const replicas = await openReplicas(t)
    const clients = await Promise.all(
      replicas.map(async (postern) => {
        const { clientId } = await postern.createClient({
          firstParty: true,
          scopes: ['openid'],
          tokenEndpointAuthMethod: 'none',
        })
        const origin = systemOrigin(postern.now())
        await changeClient(postern.deps, origin, clientId, { idTokenSignedResponseAlg: 'RS256' })
        return clientId
      }),
    )
    for (const [index, postern] of replicas.entries()) {
      const tokens = await signInThrough(postern, clients[index] ?? '')
      t.equal(decodeProtectedHeader(tokens.id_token).alg, 'RS256')
      t.same(await algorithms(postern), ['ES256', 'RS256'])
    }
  },
)

t.test('rings are rotated together or one by one', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await register(postern, { id_token_signed_response_alg: 'RS256' })
  const { bearer } = await signInAdministrator(postern)
  const rotate = (body?: object) =>
    postern.request('POST', '/v1/admin/keys/rotate', { bearer, ...(body && { body }) })
  t.match(await rotate({ algorithm: 'EdDSA' }), { status: 404 })
  const one = await rotate({ algorithm: 'RS256' })
  t.match(one, { status: 201, body: { algorithm: 'RS256', keys: [{ algorithm: 'RS256' }] } })
  t.equal((await rotate({ algorithm: 'RS256' })).status, 409)
  const rest = await rotate()
  t.match(rest, { status: 201, body: { algorithm: 'ES256' } }, 'RS256 still waits for its turn')
  t.equal(rest.body.keys.length, 1)
  t.equal((await rotate()).status, 409)

  postern.advance(600)
  const printed = await runCommand(postern, ['key', 'rotate', '--json'])
  const both = JSON.parse(printed.out)
  t.same(
    both.keys.map(({ algorithm }: { algorithm: string }) => algorithm),
    ['ES256', 'RS256'],
  )
  t.match(await runCommand(postern, ['key', 'rotate', '--now', '--algorithm', 'RS256']), {
    code: 0,
    out: /^Published RS256 key/,
  })
})

t.test('the key of a ring that signs is not withdrawn, whatever another ring has', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await register(postern, { id_token_signed_response_alg: 'RS256' })
  const { bearer } = await signInAdministrator(postern)
  const withdraw = (kid: string) => postern.request('POST', `/v1/admin/keys/${kid}/withdraw`, { bearer })
  postern.advance(1)
  const { body } = await postern.request('POST', '/v1/admin/keys/rotate', {
    bearer,
    body: { now: true, algorithm: 'ES256' },
  })
  const before = (await jwks(postern)).keys
  const rsa = before.find(({ alg }) => alg === 'RS256')?.kid ?? ''
  t.equal((await withdraw(rsa)).status, 409)
  t.equal((await withdraw(body.kid)).status, 409)
  t.equal(
    (await withdraw(before.find(({ alg, kid }) => alg === 'ES256' && kid !== body.kid)?.kid ?? '')).status,
    204,
  )
})

t.test('tokens live as long as registered, and a replaced key stays for them', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const clientId = await register(postern, { access_token_lifetime: 3600, id_token_lifetime: 60 })
  const tokens = await signInThrough(postern, clientId)
  t.equal(tokens.expires_in, 3600)
  const keys = createLocalJWKSet(await jwks(postern))
  const { payload } = await jwtVerify(tokens.id_token, keys, { currentDate: postern.now() })
  t.equal(Number(payload.exp) - Number(payload.iat), 60)

  const old = decodeProtectedHeader(tokens.access_token).kid
  const { bearer } = await signInAdministrator(postern)
  await postern.request('POST', '/v1/admin/keys/rotate', { bearer })
  const isPublished = async () => (await jwks(postern)).keys.some(({ kid }) => kid === old)
  postern.advance(600 + 3600 + 59)
  t.ok(await isPublished())
  postern.advance(1)
  t.notOk(await isPublished())
})
