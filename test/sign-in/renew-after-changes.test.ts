// Renewing when what the session was opened for has changed: its client, its scopes, the age of its second factor.
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { hashToken } from '../../src/encryption/opaque-token.ts'
import { openTestApp, type TestApp, type TestClient } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { wrongCode } from '../support/enrollment.ts'
import { missingServer } from '../support/servers.ts'
import { decodeBase32, totpCode } from '../support/totp-code.ts'

const skip = onBothEngines()

const renew = (postern: TestApp, refreshToken: string, { clientId, secret }: Partial<TestClient> = {}) =>
  postern.request('POST', '/oauth2/token', {
    ...(clientId && secret && { basic: { clientId, secret } }),
    form: {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: clientId ?? 'postern',
    },
  })

const verify = (postern: TestApp, challengeToken: string, code: string, basic?: TestClient) =>
  postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: challengeToken, method: 'totp', code },
    ...(basic && { basic }),
  })

const lastRefusal = async (postern: TestApp, accountId: string) =>
  (await postern.auditEvents({ accountId, event: 'refresh_token.refused' })).at(-1)?.details.reason

const isLive = async (postern: TestApp, accountId: string, sid: string) =>
  (await postern.deps.ephemeral.sessions.list(accountId, postern.now().getTime())).some(
    (session) => session.sid === sid,
  )

const stepUpRenews = (t: Test, postern: TestApp) => {
  t.test('a second factor that is too old is asked for, and its challenge renews the session', async (t) => {
    await postern.setPolicy({ second_factor_max_age: 3000 })
    t.teardown(() => postern.setPolicy({ second_factor_max_age: 28_800 }))
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const first = await postern.signIn(account, totp)
    postern.advance(3001)
    t.equal((await postern.request('GET', '/v1/me', { bearer: first.access_token })).status, 401, 'expired')

    const asked = await renew(postern, first.refresh_token)
    t.match(asked, {
      status: 401,
      body: {
        error: 'insufficient_user_authentication',
        acr_values: 'aal2',
        max_age: 3000,
        challenge_token: /^pst_ch_/,
        expires_in: 300,
        methods: [{ method: 'totp' }],
      },
      headers: {
        'www-authenticate':
          /Bearer error="insufficient_user_authentication".*acr_values="aal2", max_age="3000"/,
        'cache-control': 'no-store',
      },
    })
    t.equal(await lastRefusal(postern, account.id), 'second_factor_needed')
    t.ok(await isLive(postern, account.id, first.sid), 'the session waits')
    t.equal((await renew(postern, first.refresh_token)).status, 401, 'and its refresh token is not used up')

    const wrong = await verify(postern, asked.body.challenge_token, wrongCode(totp, postern.now()))
    t.equal(wrong.body.error, 'invalid_code')
    const passed = await verify(postern, asked.body.challenge_token, totp.code())
    t.match(passed, { status: 200, body: { acr: 'aal2', sub: account.id } })
    t.not(passed.body.sid, first.sid)
    t.notOk(await isLive(postern, account.id, first.sid), 'it has been replaced')
    t.equal((await renew(postern, first.refresh_token)).body.error, 'invalid_grant')
    t.equal((await renew(postern, passed.body.refresh_token)).status, 200)
  })

  t.test('so is a second factor that the session has not shown yet', async (t) => {
    const account = await postern.createAccount()
    const first = await postern.signIn(account)
    const totp = await postern.enrollTotp(account)
    const asked = await renew(postern, first.refresh_token)
    t.equal(asked.body.error, 'insufficient_user_authentication')
    const passed = await verify(postern, asked.body.challenge_token, totp.code())
    t.match(passed.body, { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
  })

  t.test('where the account cannot show one, nothing is renewed and nothing is used up', async (t) => {
    const account = await postern.createAccount()
    const first = await postern.signIn(account)
    await postern.enrollTotp(account)
    const disable = {
      name: 'test_disable_all',
      text: `UPDATE authenticators SET status = 'disabled' WHERE account_id = $1`,
    }
    await postern.deps.postgres.query(disable, [account.id])
    for (let count = 0; count < 2; count += 1) {
      t.match(await renew(postern, first.refresh_token), { status: 403, body: { error: 'policy_violation' } })
    }
  })
}

t.test('renewing after changes', { skip }, async (t) => {
  const postern = await openTestApp(t)
  stepUpRenews(t, postern)

  const change = async (clientId: string, text: string) => {
    await postern.deps.postgres.query({ name: `test_${hashToken(text)}`, text }, [clientId])
    postern.deps.clients.forgetAll()
  }
  const signInAt = async (client: TestClient, subject: string, scope?: string) => {
    const body = { subject, ...(scope && { scope }) }
    return (await postern.request('POST', '/v1/challenges', { basic: client, body })).body
  }

  t.test('gives no scope that the client has lost', async (t) => {
    const client = await postern.createClient({ scopes: ['challenges', 'openid', 'profile', 'email'] })
    const first = await signInAt(client, 'subject-1')
    t.equal(first.scope, 'openid profile email')
    await change(
      client.clientId,
      `UPDATE clients SET scopes = '{challenges,openid,email}' WHERE client_id = $1`,
    )
    const renewed = await renew(postern, first.refresh_token, client)
    t.equal(renewed.body.scope, 'openid email')
    t.equal(decodeJwt(renewed.body.access_token).scope, 'openid email')
    t.notOk('preferred_username' in decodeJwt(renewed.body.id_token))
  })

  t.test('nor does the challenge of a sign-in that had begun before', async (t) => {
    const client = await postern.createClient({ scopes: ['challenges', 'openid', 'profile'] })
    const known = await signInAt(client, 'subject-2')
    const totp = await postern.enrollTotp({ id: known.sub })
    const { challenge_token } = await signInAt(client, 'subject-2')
    await change(client.clientId, `UPDATE clients SET scopes = '{challenges,openid}' WHERE client_id = $1`)
    t.equal((await verify(postern, challenge_token, totp.code(), client)).body.scope, 'openid')
  })

  t.test('ends a session where the client has lost all of its scope', async (t) => {
    const client = await postern.createClient({ firstParty: true, scopes: ['openid', 'profile'] })
    const account = await postern.createAccount()
    const first = await postern.request('POST', '/v1/login', {
      basic: client,
      body: { username: account.username, password: account.password, scope: 'profile' },
    })
    await change(client.clientId, `UPDATE clients SET scopes = '{openid}' WHERE client_id = $1`)
    t.equal((await renew(postern, first.body.refresh_token, client)).body.error, 'invalid_grant')
    t.equal(await lastRefusal(postern, account.id), 'scope')
    t.notOk(await isLive(postern, account.id, first.body.sid))
  })

  const replaced = async (client: TestClient): Promise<TestClient> => {
    await change(client.clientId, 'DELETE FROM clients WHERE client_id = $1')
    postern.advance(1)
    return postern.createClient({ clientId: client.clientId, firstParty: true, scopes: ['openid'] })
  }

  t.test('is refused to a client that was made anew under the same id, and ends the session', async (t) => {
    const client = await postern.createClient({ firstParty: true, scopes: ['openid'] })
    const account = await postern.createAccount()
    const { username, password } = account
    const first = await postern.request('POST', '/v1/login', { basic: client, body: { username, password } })
    const anew = await replaced(client)
    t.equal((await renew(postern, first.body.refresh_token, anew)).body.error, 'invalid_grant')
    t.equal(await lastRefusal(postern, account.id), 'client_replaced')
    t.notOk(await isLive(postern, account.id, first.body.sid))
  })

  t.test('such a client does not take over a challenge or an enrollment', async (t) => {
    const client = await postern.createClient({ firstParty: true, scopes: ['openid'] })
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const administrator = await postern.createAccount({ roles: ['admin'] })
    const logIn = async ({ username, password }: typeof account) =>
      (await postern.request('POST', '/v1/login', { basic: client, body: { username, password } })).body
    const { challenge_token } = await logIn(account)
    const { enrollment_token: bearer } = await logIn(administrator)
    const begun = await postern.request('POST', '/v1/me/authenticators/totp', { bearer })
    t.equal(begun.status, 201)
    const anew = await replaced(client)
    t.equal((await verify(postern, challenge_token, totp.code(), anew)).body.error, 'invalid_challenge')
    t.same(await postern.deps.ephemeral.sessions.list(account.id, postern.now().getTime()), [])
    const code = totpCode(decodeBase32(begun.body.secret), postern.now())
    const url = `/v1/me/authenticators/${begun.body.id}/confirm`
    const confirmed = await postern.request('POST', url, { bearer, body: { code } })
    t.equal(confirmed.body.error, 'invalid_enrollment')
  })
})

t.test('a client that was made anew under the same id', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const makeAnew = async ({ clientId }: TestClient, scopes: string[]) => {
    const remove = { name: 'test_remove_client', text: 'DELETE FROM clients WHERE client_id = $1' }
    await postern.deps.postgres.query(remove, [clientId])
    postern.deps.clients.forgetAll()
    postern.advance(60)
    await postern.createClient({ clientId, firstParty: true, scopes })
  }

  t.test('is not opened by a token of the old one', async (t) => {
    const client = await postern.createClient({ scopes: ['challenges'] })
    const form = { grant_type: 'client_credentials' }
    const { body } = await postern.request('POST', '/oauth2/token', { basic: client, form })
    const open = () =>
      postern.request('POST', '/v1/challenges', {
        bearer: body.access_token,
        body: { username: 'nobody' },
      })
    t.equal((await open()).body.error, 'insufficient_scope', 'it is a token of its client')
    await makeAnew(client, ['challenges'])
    t.equal((await open()).body.error, 'invalid_token')
  })

  t.test('does not administrate with a session of the old one', async (t) => {
    const scopes = ['openid', 'postern:admin']
    const client = await postern.createClient({ firstParty: true, scopes })
    const account = await postern.createAccount({ roles: ['admin'] })
    const totp = await postern.enrollTotp(account)
    const { username, password } = account
    const { body } = await postern.request('POST', '/v1/login', {
      basic: client,
      body: { username, password },
    })
    const passed = await verify(postern, body.challenge_token, totp.code(), client)
    const administrate = () =>
      postern.request('GET', '/v1/admin/policy', { bearer: passed.body.access_token })
    t.equal((await administrate()).status, 200)
    await makeAnew(client, scopes)
    t.equal((await administrate()).body.error, 'access_denied')
  })
})

t.test('with state in memory', { skip: missingServer('postgres') }, async (t) => {
  stepUpRenews(t, await openTestApp(t, { redisUrl: null }))
})
