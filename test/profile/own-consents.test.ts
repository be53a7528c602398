import t from 'tap'
import { systemOrigin } from '../../src/audit/event.ts'
import { recordConsent } from '../../src/clients/record-consent.ts'
import { findClient } from '../../src/clients/store.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

const allow = async ({ deps, now }: TestApp, accountId: string, clientId: string) => {
  const client = await findClient(deps, clientId)
  if (!client) throw new Error('there is no such client')
  const given = { accountId, client, scopes: ['openid', 'profile'], claims: ['email'] }
  await recordConsent(deps, systemOrigin(now()), given)
}

t.test('what an account has allowed is listed by page, and taken back', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const { access_token: bearer } = await postern.signIn(account)
  const someoneElse = await postern.createAccount()
  for (const clientId of ['b', 'a', 'c']) {
    await postern.createClient({ clientId, scopes: ['openid'] })
    await allow(postern, account.id, clientId)
  }
  await allow(postern, someoneElse.id, 'a')
  const list = async (query = '') =>
    (await postern.request('GET', `/v1/me/consents${query}`, { bearer })).body

  const first = await list('?limit=2')
  t.same(first.items, [
    {
      client_id: 'a',
      client_name: 'a',
      scopes: ['openid', 'profile'],
      claims: ['email'],
      granted_at: postern.now().toISOString(),
    },
    { ...first.items[0], client_id: 'b', client_name: 'b' },
  ])
  const last = await list(`?limit=2&cursor=${first.next_cursor}`)
  t.match(last, { items: [{ client_id: 'c' }], next_cursor: null })

  const revoke = (clientId: string) => postern.request('DELETE', `/v1/me/consents/${clientId}`, { bearer })
  t.equal((await revoke('b')).status, 204)
  t.same(
    (await list()).items.map(({ client_id }: { client_id: string }) => client_id),
    ['a', 'c'],
  )
  t.match(await revoke('b'), { status: 404, body: { error: 'not_found' } })
  t.match(await postern.auditEvents({ event: 'consent.revoked' }), [
    { account_id: account.id, client_id: 'b', actor_type: 'account' },
  ])
  await revoke('a')
  const [{ count } = { count: 0 }] = await postern.deps.postgres.query<{ count: number }>(
    { text: 'SELECT count(*) FROM consents WHERE account_id = $1' },
    [someoneElse.id],
  )
  t.equal(count, 1, 'nobody else’s')
})

t.test('what a client has got ends with the consent, and nothing else does', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const { access_token: bearer } = await postern.signIn(account)
  const { clientId } = await postern.createClient({
    tokenEndpointAuthMethod: 'none',
    firstParty: true,
    scopes: ['openid', 'postern:me', 'offline_access'],
  })
  const { username, password } = account
  const body = { username, password, client_id: clientId }
  const theirs = (await postern.request('POST', '/v1/login', { body })).body
  await allow(postern, account.id, clientId)
  t.equal((await postern.request('DELETE', `/v1/me/consents/${clientId}`, { bearer })).status, 204)
  const form = { grant_type: 'refresh_token', refresh_token: theirs.refresh_token, client_id: clientId }
  t.equal((await postern.request('POST', '/oauth2/token', { form })).body.error, 'invalid_grant')
  t.equal((await postern.request('GET', '/v1/me', { bearer: theirs.access_token })).status, 401)
  t.equal((await postern.request('GET', '/v1/me', { bearer })).status, 200)

  const own = await postern.request('DELETE', '/v1/me/consents/postern', { bearer })
  t.equal(own.status, 404)
  t.equal(
    (await postern.request('GET', '/v1/me', { bearer })).status,
    200,
    'what was not allowed does not end',
  )
})
