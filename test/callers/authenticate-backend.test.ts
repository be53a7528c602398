import t from 'tap'
import { signInAdministrator } from '../support/administrator.ts'
import { openTestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

t.test(
  "a backend opens challenges only where its token's scope and the client's both say so",
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    const { bearer: administrator } = await signInAdministrator(postern)
    const client = await postern.createClient({ scopes: ['openid'] })
    const newToken = async () => {
      const form = { grant_type: 'client_credentials', resource: postern.config.issuer }
      return (await postern.request('POST', '/oauth2/token', { basic: client, form })).body
    }
    const giveScopes = async (scopes: string[]) => {
      const path = `/v1/admin/clients/${client.clientId}`
      const changed = await postern.request('PATCH', path, { bearer: administrator, body: { scopes } })
      t.equal(changed.status, 200, changed.text)
    }
    const open = (bearer: string) =>
      postern.request('POST', '/v1/challenges', { bearer, body: { subject: 'flask-1' } })
    const refused = { status: 403, body: { error: 'insufficient_scope' } }

    const without = await newToken()
    t.equal(without.scope, '')
    await giveScopes(['openid', 'challenges'])
    t.match(await open(without.access_token), refused)
    const having = await newToken()
    t.equal(having.scope, 'challenges')
    const { status, body } = await open(having.access_token)
    t.equal(status, 200)

    // Nor does it answer what it could not have opened.
    const totp = await postern.enrollTotp({ id: body.sub })
    const { challenge_token } = (await open(having.access_token)).body
    const answer = { challenge_token, method: 'totp', code: totp.code() }
    const verify = (bearer: string) =>
      postern.request('POST', '/v1/challenges/verify', { bearer, body: answer })
    t.match(await verify(without.access_token), refused)
    t.equal((await verify(having.access_token)).status, 200)

    await giveScopes(['openid'])
    t.match(await open(having.access_token), refused)
  },
)

t.test('a public client vouches for nobody, whatever its scopes', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { clientId } = await postern.createClient({ scopes: ['challenges'] })
  const publish = {
    text: `UPDATE clients SET token_endpoint_auth_method = 'none', secret_hash = NULL WHERE client_id = $1`,
  }
  await postern.deps.postgres.query(publish, [clientId])
  const basic = { clientId, secret: '' }
  const refused = await postern.request('POST', '/v1/challenges', { basic, body: { subject: 'flask-1' } })
  t.match(refused, { status: 403, body: { error: 'insufficient_scope' } })
})
