import { decodeJwt } from 'jose'
import t from 'tap'
import { openTestApp, type TestApp } from '../support/app.ts'
import { newDpopKey, requestWithProof, tokenWithProof } from '../support/dpop.ts'
import { onBothEngines } from '../support/embedded.ts'
import { openReplicas } from '../support/replicas.ts'
import { missingServer } from '../support/servers.ts'

const skip = onBothEngines()
const TOKEN = { method: 'POST', path: '/oauth2/token' }
const ME = { method: 'GET', path: '/v1/me' }
const CHALLENGES = { grant_type: 'client_credentials', scope: 'challenges' }

/** A session's refresh token, and an access token for Postern that is bound to `key`. */
const boundSession = async (postern: TestApp, key: Awaited<ReturnType<typeof newDpopKey>>) => {
  const signedIn = await postern.signIn(await postern.createAccount())
  const form = { grant_type: 'refresh_token', refresh_token: signedIn.refresh_token, client_id: 'postern' }
  return (await tokenWithProof(postern, key, { form })).body
}

t.test('a token request with a DPoP proof', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const client = await postern.createClient()
  const key = await newDpopKey()
  const ask = (dpop: string) =>
    postern.request('POST', TOKEN.path, { basic: client, form: CHALLENGES, headers: { dpop } })

  t.test('gives a token that is bound to its key', async (t) => {
    const { status, body } = await tokenWithProof(postern, key, { basic: client, form: CHALLENGES })
    t.match({ status, body }, { status: 200, body: { token_type: 'DPoP' } })
    t.match(decodeJwt(body.access_token), { cnf: { jkt: key.jkt } })
  })

  t.test('renews a session, its access token bound', async (t) => {
    const tokens = await boundSession(postern, key)
    t.match(tokens, { token_type: 'DPoP', refresh_token: /^pst_rt_/ })
    t.match(decodeJwt(tokens.access_token), { cnf: { jkt: key.jkt } })
    t.notOk('cnf' in decodeJwt(tokens.id_token))
  })

  t.test('needs a nonce of Postern, and is given one', async (t) => {
    for (const nonce of [undefined, 'made up', 'test:AAAA']) {
      const refused = await ask(await key.proof(postern, { ...TOKEN, claims: { nonce } }))
      t.match(refused, { status: 400, body: { error: 'use_dpop_nonce' } })
      t.equal(refused.headers['dpop-nonce'], postern.deps.dpopNonces.current(postern.now()))
      t.notOk(refused.headers['www-authenticate'])
    }
    const old = postern.deps.dpopNonces.current(postern.now())
    postern.advance(301)
    t.match((await ask(await key.proof(postern, { ...TOKEN, nonce: old }))).body, { error: 'use_dpop_nonce' })
  })

  t.test('is refused where the proof is not about it', async (t) => {
    for (const dpop of [
      'x',
      await key.proof(postern, { ...TOKEN, method: 'GET' }),
      await key.proof(postern, { ...TOKEN, path: '/oauth2/revoke' }),
      await key.proof(postern, { ...TOKEN, claims: { htu: 'https://evil.example/oauth2/token' } }),
      await key.proof(postern, { ...TOKEN, claims: { iat: 1 } }),
    ]) {
      t.match(await ask(dpop), { status: 400, body: { error: 'invalid_dpop_proof' } })
    }
    const two = await Promise.all([key.proof(postern, TOKEN), key.proof(postern, TOKEN)])
    t.match((await ask(two.join(', '))).body, { error: 'invalid_dpop_proof' }, 'two proofs')
  })

  t.test('is refused where the proof was used before', async (t) => {
    const dpop = await key.proof(postern, TOKEN)
    t.equal((await ask(dpop)).status, 200)
    t.match(await ask(dpop), { status: 400, body: { error: 'invalid_dpop_proof' } })
  })

  t.test('without one, a client that is registered for DPoP gets no token, and loses none', async (t) => {
    const strict = await postern.createClient({ dpopBoundAccessTokens: true })
    const refused = await postern.request('POST', TOKEN.path, { basic: strict, form: CHALLENGES })
    t.match(refused, { status: 400, body: { error: 'invalid_dpop_proof' } })
    t.equal((await tokenWithProof(postern, key, { basic: strict, form: CHALLENGES })).status, 200)

    const { username, password } = await postern.createAccount()
    const wanted = { firstParty: true, scopes: ['openid'] }
    const { clientId } = await postern.createClient({
      ...wanted,
      tokenEndpointAuthMethod: 'none',
      dpopBoundAccessTokens: true,
    })
    const body = { username, password, client_id: clientId }
    t.match(await postern.request('POST', '/v1/login', { body }), {
      status: 403,
      body: { error: 'unauthorized_client' },
    })
    const vouched = { basic: strict, body: { subject: 'ada' } }
    t.match(await postern.request('POST', '/v1/challenges', vouched), {
      status: 403,
      body: { error: 'unauthorized_client' },
    })
  })
})

t.test('a pushed request needs no proof, and one that comes is verified', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const redirectUri = 'https://app.example/cb'
  const registered = { redirectUris: [redirectUri], scopes: ['openid'], dpopBoundAccessTokens: true }
  const client = await postern.createClient(registered)
  const form = {
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }
  const push = (headers = {}) => postern.request('POST', '/oauth2/par', { basic: client, form, headers })
  t.equal((await push()).status, 201)
  const key = await newDpopKey()
  const asked = { method: 'POST', path: '/oauth2/par' }
  t.equal((await push({ dpop: await key.proof(postern, asked) })).status, 201)
  const other = await key.proof(postern, { ...asked, path: '/oauth2/token' })
  t.match(await push({ dpop: other }), { status: 400, body: { error: 'invalid_dpop_proof' } })
})

t.test('an access token that is bound to a key', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const key = await newDpopKey()
  const { access_token: accessToken } = await boundSession(postern, key)

  t.test('opens a route with a proof of that key', async (t) => {
    const answer = await requestWithProof(postern, key, { ...ME, accessToken })
    t.equal(answer.status, 200, answer.text)
    t.ok(answer.headers['dpop-nonce'])
  })

  t.test(
    'opens a route that takes a body: the proof counts once, and the caller is asked twice',
    async (t) => {
      const change = { method: 'PATCH', path: '/v1/me', accessToken, body: { display_name: 'Ada' } }
      t.equal((await requestWithProof(postern, key, change)).status, 200)
    },
  )

  t.test('is refused as a Bearer token, with what to do instead', async (t) => {
    const refused = await postern.request('GET', ME.path, { bearer: accessToken })
    t.match(refused, {
      status: 401,
      body: { error: 'invalid_token', error_description: /Authorization: DPoP/ },
    })
  })

  t.test('is refused without its proof, with another, and with one that was used', async (t) => {
    const other = await newDpopKey()
    const send = (headers: Record<string, string>) =>
      postern.request('GET', ME.path, { headers: { authorization: `DPoP ${accessToken}`, ...headers } })
    const used = await key.proof(postern, { ...ME, accessToken })
    t.equal((await send({ dpop: used })).status, 200)
    for (const [what, headers, error] of [
      ['none', {}, 'invalid_dpop_proof'],
      ['used', { dpop: used }, 'invalid_dpop_proof'],
      ['without ath', { dpop: await key.proof(postern, ME) }, 'invalid_dpop_proof'],
      [
        'of another token',
        { dpop: await key.proof(postern, { ...ME, accessToken: 'x' }) },
        'invalid_dpop_proof',
      ],
      [
        'another method',
        { dpop: await key.proof(postern, { ...ME, method: 'POST', accessToken }) },
        'invalid_dpop_proof',
      ],
      ['another key', { dpop: await other.proof(postern, { ...ME, accessToken }) }, 'invalid_token'],
      [
        'no nonce',
        { dpop: await key.proof(postern, { ...ME, accessToken, claims: { nonce: undefined } }) },
        'use_dpop_nonce',
      ],
    ] as [string, Record<string, string>, string][]) {
      const refused = await send(headers)
      t.match(refused, { status: 401, body: { error } }, what)
      t.match(
        String(refused.headers['www-authenticate']),
        new RegExp(`^DPoP error="${error}".*algs="ES256 `),
        what,
      )
      t.ok(refused.headers['dpop-nonce'], what)
    }
  })

  t.test('a token that is bound to no key is no DPoP token', async (t) => {
    const { access_token: bearer } = await postern.signIn(await postern.createAccount())
    const refused = await requestWithProof(postern, key, { ...ME, accessToken: bearer })
    t.match(refused, { status: 401, body: { error: 'invalid_token' } })
  })

  t.test('of a client opens its routes with the proof, and not without it', async (t) => {
    const client = await postern.createClient()
    const { body } = await tokenWithProof(postern, key, { basic: client, form: CHALLENGES })
    const opening = { method: 'POST', path: '/v1/challenges', body: { subject: 'ada', amr: ['pwd'] } }
    const open = await requestWithProof(postern, key, { ...opening, accessToken: body.access_token })
    t.equal(open.status, 200, open.text)
    const refused = await postern.request('POST', opening.path, {
      bearer: body.access_token,
      body: opening.body,
    })
    t.match(refused, { status: 401, body: { error: 'invalid_token' } })
  })
})

const needsServers = missingServer('postgres') || missingServer('redis')

t.test('one proof, used 50 times at once on two replicas, passes once', { skip: needsServers }, async (t) => {
  const replicas = await openReplicas(t)
  const [first] = replicas
  const client = await first.createClient()
  const key = await newDpopKey()
  const dpop = await key.proof(first, TOKEN)
  const attempts = Array.from({ length: 50 }, (_, index) =>
    replicas[index % 2]?.request('POST', TOKEN.path, { basic: client, form: CHALLENGES, headers: { dpop } }),
  )
  const statuses = (await Promise.all(attempts)).map((answer) => answer?.status)
  t.equal(statuses.filter((status) => status === 200).length, 1)
  t.equal(statuses.filter((status) => status === 400).length, 49)

  const { access_token: accessToken } = await boundSession(first, key)
  const proof = await key.proof(first, { ...ME, accessToken })
  const uses = Array.from({ length: 50 }, (_, index) =>
    replicas[index % 2]?.request('GET', ME.path, {
      headers: { authorization: `DPoP ${accessToken}`, dpop: proof },
    }),
  )
  const answers = (await Promise.all(uses)).map((answer) => answer?.status)
  t.equal(answers.filter((status) => status === 200).length, 1)
  t.equal(answers.filter((status) => status === 401).length, 49)
})
