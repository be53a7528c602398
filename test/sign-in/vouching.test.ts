// docs/security.md 41 and 43: for whom a client's word is taken, and who answers a challenge that it has opened.
import { decodeJwt } from 'jose'
import t from 'tap'
import { openTestApp, type TestApp, type TestClient, type TestTotp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { ENGINES } from '../support/engines.ts'
import { wrongCode } from '../support/enrollment.ts'

const skip = onBothEngines()
const BOTH = ['challenges', 'challenges:accounts']

const open = (postern: TestApp, basic: TestClient, body: object) =>
  postern.request('POST', '/v1/challenges', { basic, body })

type Credentials = { basic?: TestClient; bearer?: string; headers?: Record<string, string> }

const verify = (postern: TestApp, challengeToken: string, code: string, credentials: Credentials = {}) =>
  postern.request('POST', '/v1/challenges/verify', {
    ...credentials,
    body: { challenge_token: challengeToken, method: 'totp', code },
  })

const cancel = (postern: TestApp, challengeToken: string, credentials: Credentials = {}) =>
  postern.request('POST', '/v1/challenges/cancel', {
    ...credentials,
    body: { challenge_token: challengeToken },
  })

const refusals = async (postern: TestApp, event: string) =>
  (await postern.auditEvents({ event })).map(({ client_id, account_id, details }) => [
    client_id,
    account_id,
    details.reason,
  ])

for (const { engine, skip: missing, open: openOn } of ENGINES) {
  t.test(`${engine}: for accounts of Postern’s own`, { skip: missing }, async (t) => {
    const postern = await openOn(t)
    const client = await postern.createClient({ scopes: BOTH })

    t.test('an administrator without an authenticator is enrolled by no client', async (t) => {
      const administrator = await postern.createAccount({ roles: ['admin'] })
      for (const basic of [client, await postern.createClient({ scopes: ['challenges'] })]) {
        const refused = await open(postern, basic, { username: administrator.username })
        t.equal(refused.status, 403, refused.text)
        t.notOk('enrollment_token' in refused.body)
      }
    })

    t.test('what it opens is a sign-in, and is noted as one', async (t) => {
      const account = await postern.createAccount()
      const totp = await postern.enrollTotp(account)
      const { challenge_token } = (await open(postern, client, { username: account.username })).body
      t.equal((await verify(postern, challenge_token, totp.code(), { basic: client })).status, 200)
      const find = { text: 'SELECT last_login_at FROM accounts WHERE id = $1' }
      t.same(await postern.deps.postgres.query(find, [account.id]), [{ last_login_at: postern.now() }])
    })

    t.test('the subject of another client is none of them, whatever its address is', async (t) => {
      const other = await postern.createClient()
      const email = 'subject@example.org'
      const { sub } = (await open(postern, other, { subject: 'flask-9', email })).body
      await postern.enrollTotp({ id: sub })
      t.match(await open(postern, client, { username: email }), {
        status: 403,
        body: { error: 'access_denied' },
      })
      const [event] = (await postern.auditEvents({ event: 'primary_authentication.failed' })).slice(-1)
      t.match(event, { account_id: null, details: { reason: 'unknown_account' } })
    })

    t.test('it takes a scope of its own', async (t) => {
      const account = await postern.createAccount()
      await postern.enrollTotp(account)
      const subjects = await postern.createClient({ scopes: ['challenges'] })
      const refused = await open(postern, subjects, { username: account.username })
      t.match(refused, { status: 403, body: { error: 'insufficient_scope' } })
      const accounts = await postern.createClient({ scopes: ['challenges:accounts'] })
      t.match(await open(postern, accounts, { subject: 'a' }), {
        status: 403,
        body: { error: 'insufficient_scope' },
      })
      const form = { grant_type: 'client_credentials', scope: 'challenges' }
      const token = await postern.request('POST', '/oauth2/token', { basic: client, form })
      const bearer = token.body.access_token
      const narrow = await postern.request('POST', '/v1/challenges', {
        bearer,
        body: { username: account.username },
      })
      t.match(narrow, { status: 403, body: { error: 'insufficient_scope' } }, 'nor does a narrower token')
    })

    t.test(
      'administrators, accounts without an authenticator and unknown ones are refused alike',
      async (t) => {
        await postern.setPolicy({ required_for_all: true })
        t.teardown(() => postern.setPolicy({ required_for_all: false }))
        const administrator = await postern.createAccount({ roles: ['admin'] })
        await postern.enrollTotp(administrator)
        const plain = await postern.createAccount()
        const before = (await refusals(postern, 'primary_authentication.failed')).length
        const answers = []
        for (const username of [administrator.username, plain.username, 'nobody']) {
          const { status, body } = await open(postern, client, { username })
          answers.push({ status, ...body, request_id: '' })
        }
        t.match(answers[0], { status: 403, error: 'access_denied' })
        t.same(answers[1], answers[0])
        t.same(answers[2], answers[0])
        const recorded = (await refusals(postern, 'primary_authentication.failed')).slice(before)
        t.same(recorded, [
          [client.clientId, administrator.id, 'administrator'],
          [client.clientId, plain.id, 'no_authenticator'],
          [client.clientId, null, 'unknown_account'],
        ])
      },
    )

    t.test('an enrolled one is challenged, by user name or email address, and named', async (t) => {
      const account = await postern.createAccount({ email: 'own@example.org' })
      const totp = await postern.enrollTotp(account)
      for (const username of [account.username.toUpperCase(), 'OWN@example.org']) {
        const { body } = await open(postern, client, { username })
        t.match(body, { status: 'challenge_required', username: account.username })
        postern.advance(30)
        const passed = await verify(postern, body.challenge_token, totp.code(), { basic: client })
        t.match(passed.body, {
          status: 'authenticated',
          acr: 'aal2',
          sub: account.id,
          username: account.username,
        })
      }
    })

    t.test('one that has become an administrator meanwhile is refused', async (t) => {
      const account = await postern.createAccount()
      const totp = await postern.enrollTotp(account)
      const { body } = await open(postern, client, { username: account.username })
      const text = `UPDATE accounts SET roles = '{admin}' WHERE id = $1`
      await postern.deps.postgres.query({ name: 'test_promote', text }, [account.id])
      const refused = await verify(postern, body.challenge_token, totp.code(), { basic: client })
      t.match(refused, { status: 403, body: { error: 'access_denied' } })
      t.same(await postern.deps.ephemeral.sessions.list(account.id, postern.now().getTime()), [])
    })
  })

  t.test(`${engine}: a challenge that a backend has opened`, { skip: missing }, async (t) => {
    const postern = await openOn(t)
    const client = await postern.createClient()
    const stranger = await postern.createClient()
    const tokenOf = async (basic: TestClient) => {
      const form = { grant_type: 'client_credentials' }
      return (await postern.request('POST', '/oauth2/token', { basic, form })).body.access_token as string
    }
    const challenged = async (subject: string): Promise<{ token: string; totp: TestTotp; sub: string }> => {
      const first = await open(postern, client, { subject })
      const totp = await postern.enrollTotp({ id: first.body.sub })
      const { body } = await open(postern, client, { subject })
      t.match(body, { status: 'challenge_required', subject })
      return { token: body.challenge_token, totp, sub: first.body.sub }
    }

    t.test(
      'is answered and cancelled by that backend alone, and nobody else spends an attempt',
      async (t) => {
        const person = await postern.signIn(await postern.createAccount())
        const { token, totp, sub } = await challenged('flask-1')
        const cases: [string, Credentials, number, string][] = [
          ['nobody', {}, 401, 'invalid_client'],
          ['another client', { basic: stranger }, 401, 'invalid_challenge'],
          ['another client, by token', { bearer: await tokenOf(stranger) }, 401, 'invalid_challenge'],
          ['a wrong secret', { basic: { ...client, secret: 'x' } }, 401, 'invalid_client'],
          ['a person', { bearer: person.access_token }, 401, 'invalid_token'],
          ['a malformed header', { headers: { authorization: 'Basic !!!' } }, 401, 'invalid_client'],
          ['another scheme', { headers: { authorization: 'Digest x' } }, 401, 'invalid_client'],
          ['an empty header', { headers: { authorization: '' } }, 401, 'invalid_client'],
        ]
        for (const [name, credentials, status, error] of cases) {
          const before = await postern.auditEvents()
          t.match(await verify(postern, token, totp.code(), credentials), { status, body: { error } }, name)
          t.match(await cancel(postern, token, credentials), { status, body: { error } }, name)
          const events = (await postern.auditEvents()).slice(before.length)
          t.equal(
            events.filter(({ outcome }) => outcome === 'failure').length,
            2,
            `${name}: both are recorded`,
          )
        }
        const wrong = await verify(postern, token, wrongCode(totp, postern.now()), { basic: client })
        t.match(wrong.body, { error: 'invalid_code', attempts_remaining: 4 }, 'no attempt was spent')
        const passed = await verify(postern, token, totp.code(), { bearer: await tokenOf(client) })
        t.match(passed.body, { status: 'authenticated', sub, subject: 'flask-1' }, passed.text)

        const second = await challenged('flask-2')
        t.equal((await cancel(postern, second.token, { basic: client })).status, 204)
        const [cancelled] = await postern.auditEvents({ event: 'challenge.cancelled' })
        t.match(cancelled, { account_id: second.sub, actor_type: 'client', actor_id: client.clientId })
      },
    )

    t.test('is a first-party backend’s too, where it has opened it by logging in', async (t) => {
      const account = await postern.createAccount()
      const totp = await postern.enrollTotp(account)
      const backend = await postern.createClient({ firstParty: true, scopes: ['openid'] })
      const { username, password } = account
      const logIn = await postern.request('POST', '/v1/login', {
        basic: backend,
        body: { username, password },
      })
      const token: string = logIn.body.challenge_token
      t.match(await verify(postern, token, totp.code()), { status: 401, body: { error: 'invalid_client' } })
      t.equal((await verify(postern, token, totp.code(), { basic: backend })).status, 200)
    })

    t.test('is that backend’s too, where a renewal has asked for it', async (t) => {
      t.teardown(() => postern.setPolicy({ second_factor_max_age: 28_800 }))
      const { token, totp, sub } = await challenged('flask-5')
      const first = await verify(postern, token, totp.code(), { basic: client })
      await postern.setPolicy({ second_factor_max_age: 60 })
      postern.advance(90)
      const form = { grant_type: 'refresh_token', refresh_token: first.body.refresh_token }
      const { body } = await postern.request('POST', '/oauth2/token', { basic: client, form })
      t.equal(body.error, 'insufficient_user_authentication')
      const renewal: string = body.challenge_token
      const cases: [Credentials, string][] = [
        [{}, 'invalid_client'],
        [{ basic: stranger }, 'invalid_challenge'],
      ]
      for (const [credentials, error] of cases) {
        t.match(await verify(postern, renewal, totp.code(), credentials), { status: 401, body: { error } })
        t.match(await cancel(postern, renewal, credentials), { status: 401, body: { error } })
      }
      const passed = await verify(postern, renewal, totp.code(), { basic: client })
      t.match(passed, { status: 200, body: { sub, subject: 'flask-5' } }, passed.text)
      const [event] = (await postern.auditEvents({ event: 'challenge.passed', accountId: sub })).slice(-1)
      t.match(event, { details: { purpose: 'renewal' } })
    })

    t.test('is a public client’s where that has opened it, and anyone answers who holds it', async (t) => {
      const account = await postern.createAccount()
      const totp = await postern.enrollTotp(account)
      const { body } = await postern.logIn(account)
      for (const authorization of ['Basic !!!', 'Digest x', 'Bearer x', '']) {
        const presented = { headers: { authorization } }
        const refused = await verify(postern, body.challenge_token, totp.code(), presented)
        t.match(refused, { status: 401, body: { error: /^invalid_(client|token)$/ } }, authorization)
      }
      t.equal((await verify(postern, body.challenge_token, totp.code())).status, 200)
    })

    t.test('names the subject also where it has to enroll, and where nothing more is asked', async (t) => {
      t.match((await open(postern, client, { subject: 'flask-3' })).body, {
        status: 'authenticated',
        subject: 'flask-3',
      })
      t.match((await open(postern, client, { subject: 'flask-4', roles: ['admin'] })).body, {
        status: 'enrollment_required',
        subject: 'flask-4',
      })
    })
  })
}

t.test('what a client says of its subjects is marked as its own', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ required_roles: [] })
  const client = await postern.createClient()
  const said = { subject: 'flask-1', roles: ['admin', 'owner'], display_name: 'One' }
  const { body } = await open(postern, client, said)
  const claims = decodeJwt(body.access_token)
  t.match(claims, { client_id: client.clientId, aud: [client.clientId], client_roles: ['admin', 'owner'] })
  t.notOk('roles' in claims, 'no word of Postern’s')
  const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token }
  const renewed = await postern.request('POST', '/oauth2/token', { basic: client, form })
  t.notOk('roles' in decodeJwt(renewed.body.access_token))
  t.equal(renewed.body.subject, 'flask-1')

  const own = await postern.signIn(await postern.createAccount({ roles: ['viewer'] }))
  const ownClaims = decodeJwt(own.access_token)
  t.same([ownClaims.roles, 'client_roles' in ownClaims], [['viewer'], false])
})

t.test('a header that cannot be read is never the same as none', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { username, password } = await postern.createAccount()
  const client = await postern.createClient({ firstParty: true })
  const readable = Buffer.from(`${client.clientId}:${client.secret}`).toString('base64')
  for (const authorization of [
    'Basic !!!',
    'Basic',
    'Basic ',
    '',
    `${readable}`,
    'Basic Og==',
    'Bearer x',
    'Basic eA==',
  ]) {
    const headers = { authorization }
    const logIn = await postern.request('POST', '/v1/login', { headers, body: { username, password } })
    t.match(logIn, { status: 401, body: { error: 'invalid_client' } }, `login: ${authorization}`)
    const form = {
      grant_type: 'client_credentials',
      client_id: client.clientId,
      client_secret: client.secret,
    }
    const token = await postern.request('POST', '/oauth2/token', {
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      form,
    })
    t.match(token, { status: 401, body: { error: 'invalid_client' } }, `token: ${authorization}`)
  }
  t.equal((await postern.auditEvents({ event: 'client_authentication.failed' })).length, 16)
})

t.test('a body is looked at once its sender is known', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const malformed = { method: 'POST', url: '/v1/challenges', payload: '{"amr":' } as const
  const headers = { 'content-type': 'application/json' }
  t.equal((await postern.app.inject({ ...malformed, headers })).statusCode, 401)
  const body = { amr: Array.from({ length: 5_000 }, () => ({})) }
  t.match(await postern.request('POST', '/v1/challenges', { body }), {
    status: 401,
    body: { error: 'invalid_client' },
  })
})
