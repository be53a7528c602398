import t from 'tap'
import { openTestApp, type TestApp, type TestClient } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

const signInAt = async (postern: TestApp, basic: TestClient) => {
  const { username, password } = await postern.createAccount()
  return (await postern.request('POST', '/v1/login', { basic, body: { username, password } })).body
}

t.test('revocation', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const app = await postern.createClient({ firstParty: true, scopes: ['openid', 'postern:me', 'challenges'] })
  const stranger = await postern.createClient()
  const revoke = (basic: TestClient, token: string, more = {}) =>
    postern.request('POST', '/oauth2/revoke', { basic, form: { token, ...more } })
  const isLive = async (bearer: string) => (await postern.request('GET', '/v1/me', { bearer })).status === 200
  const renew = (basic: TestClient, token: string) =>
    postern.request('POST', '/oauth2/token', {
      basic,
      form: { grant_type: 'refresh_token', refresh_token: token },
    })

  t.test('of either token ends the grant, and is recorded once', async (t) => {
    for (const kind of ['refresh_token', 'access_token'] as const) {
      const tokens = await signInAt(postern, app)
      t.ok(await isLive(tokens.access_token))
      for (const _ of [1, 2]) {
        const { status, text } = await revoke(app, tokens[kind], { token_type_hint: 'something' })
        t.same({ status, text }, { status: 200, text: '{}' })
      }
      t.notOk(await isLive(tokens.access_token), kind)
      t.equal((await renew(app, tokens.refresh_token)).body.error, 'invalid_grant', kind)
      const events = await postern.auditEvents({ event: 'grant.revoked', accountId: tokens.sub })
      t.match(events, [{ actor_type: 'client', client_id: app.clientId, session_id: tokens.sid }])
      t.equal(events.length, 1)
    }
  })

  t.test('of a refresh token that was replaced ends the grant too', async (t) => {
    const first = await signInAt(postern, app)
    const { body: next } = await renew(app, first.refresh_token)
    t.equal((await revoke(app, first.refresh_token)).status, 200)
    t.equal((await renew(app, next.refresh_token)).body.error, 'invalid_grant')
  })

  t.test('by another client, or of nothing, is answered alike and ends nothing', async (t) => {
    const tokens = await signInAt(postern, app)
    const { refresh_token: refresh, access_token: access, id_token: idToken } = tokens
    const guess = refresh.slice(0, 60) + 'A'.repeat(refresh.length - 60)
    for (const [who, token] of [
      [stranger, access],
      [stranger, refresh],
      [app, idToken],
      [app, guess],
      [app, 'unknown'],
    ] as const) {
      t.match(await revoke(who, token), { status: 200, text: '{}' })
    }
    t.ok(await isLive(access))
    t.equal((await renew(app, refresh)).status, 200)
  })

  t.test('needs its client, and a token', async (t) => {
    const { refresh_token: token } = await signInAt(postern, app)
    for (const [options, status, error] of [
      [{ form: { token } }, 401, 'invalid_client'],
      [{ form: { token, client_id: app.clientId } }, 401, 'invalid_client'],
      [{ basic: app, form: {} }, 400, 'invalid_request'],
    ] as const) {
      t.match(await postern.request('POST', '/oauth2/revoke', options), { status, body: { error } })
    }
    t.equal((await renew(app, token)).status, 200)
  })

  t.test('of a token of the client itself is not possible, which it says', async (t) => {
    const form = { grant_type: 'client_credentials' }
    const { body } = await postern.request('POST', '/oauth2/token', { basic: app, form })
    t.match(await revoke(app, body.access_token), { status: 400, body: { error: 'unsupported_token_type' } })
  })

  t.test('works for a public client by its id', async (t) => {
    const tokens = await postern.signIn(await postern.createAccount())
    const form = { token: tokens.refresh_token, client_id: 'postern' }
    t.equal((await postern.request('POST', '/oauth2/revoke', { form })).status, 200)
    t.notOk(await isLive(tokens.access_token))
  })
})
