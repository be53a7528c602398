import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

t.test('the token endpoint', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const client = await postern.createClient()
  const token = (options: object) => postern.request('POST', '/oauth2/token', options)

  t.test(
    'gives a client a token of its own, by HTTP Basic or in the form, as it is registered',
    async (t) => {
      const basic = await token({
        basic: client,
        form: { grant_type: 'client_credentials', scope: 'challenges' },
      })
      t.match(basic, { status: 200, body: { token_type: 'Bearer', scope: 'challenges' } })
      t.notOk('refresh_token' in basic.body)
      const other = await postern.createClient({ tokenEndpointAuthMethod: 'client_secret_post' })
      const form = {
        grant_type: 'client_credentials',
        client_id: other.clientId,
        client_secret: other.secret,
      }
      t.equal((await token({ form })).status, 200)
      const events = await postern.auditEvents({ event: 'client_token.issued' })
      t.equal(events.length, 2)
      t.match(events[0], { actor_type: 'client', actor_id: client.clientId })
    },
  )

  t.test("a client's token opens no account's route", async (t) => {
    const { body } = await token({ basic: client, form: { grant_type: 'client_credentials' } })
    t.match(await postern.request('POST', '/v1/logout', { bearer: body.access_token }), {
      status: 401,
      body: { error: 'invalid_token' },
    })
  })

  t.test('refuses, with the codes of RFC 6749', async (t) => {
    const refresh = { grant_type: 'refresh_token' }
    for (const [options, status, error] of [
      [{ form: { grant_type: 'password' }, basic: client }, 400, 'unsupported_grant_type'],
      [{ form: { grant_type: 'authorization_code' }, basic: client }, 403, 'unauthorized_client'],
      [{ form: { grant_type: 'client_credentials' } }, 401, 'invalid_client'],
      [{ form: { grant_type: 'client_credentials', client_id: client.clientId } }, 401, 'invalid_client'],
      [{ form: { grant_type: 'client_credentials', client_id: 'postern' } }, 403, 'unauthorized_client'],
      [{ form: { grant_type: 'client_credentials', scope: 'openid' }, basic: client }, 400, 'invalid_scope'],
      [
        { form: { grant_type: 'client_credentials', client_secret: 'x' }, basic: client },
        400,
        'invalid_request',
      ],
      [{ form: { grant_type: 'client_credentials', client_id: 'x' }, basic: client }, 400, 'invalid_request'],
      [{ form: refresh, basic: client }, 400, 'invalid_request'],
      [{ form: { ...refresh, refresh_token: 'x' }, basic: client }, 400, 'invalid_grant'],
      [{ form: {}, basic: client }, 400, 'invalid_request'],
      [{ form: { grant_type: 'client_credentials', extra: '1' }, basic: client }, 400, 'invalid_request'],
      [{ body: { grant_type: 'client_credentials' }, basic: client }, 400, 'invalid_request'],
    ] as const) {
      t.match(await token(options), { status, body: { error } }, JSON.stringify(options))
    }
  })

  t.test('of two members with one name, neither is believed', async (t) => {
    const payload = 'grant_type=client_credentials&grant_type=refresh_token'
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const response = await postern.app.inject({ method: 'POST', url: '/oauth2/token', payload, headers })
    t.equal(response.statusCode, 400)
  })
})
