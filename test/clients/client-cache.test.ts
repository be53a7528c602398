import t from 'tap'
import { signInAdministrator } from '../support/administrator.ts'
import { openTestApp, type TestApp, type TestClient } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { eventually } from '../support/eventually.ts'
import { holdStatement } from '../support/hold-statement.ts'
import { openReplicas } from '../support/replicas.ts'

const skip = onBothEngines()

/** The status of an answer that takes the client's secret. */
const authenticate = async (postern: TestApp, basic: TestClient): Promise<number> => {
  const form = { grant_type: 'client_credentials' }
  return (await postern.request('POST', '/oauth2/token', { basic, form })).status
}

const administer = async (postern: TestApp) => {
  const { bearer } = await signInAdministrator(postern)
  return {
    rotate: ({ clientId }: TestClient) =>
      postern.request('POST', `/v1/admin/clients/${clientId}/rotate-secret`, { bearer }),
    change: ({ clientId }: TestClient, body: object) =>
      postern.request('PATCH', `/v1/admin/clients/${clientId}`, { bearer, body }),
    remove: ({ clientId }: TestClient) =>
      postern.request('DELETE', `/v1/admin/clients/${clientId}`, { bearer }),
  }
}

t.test('a change of a client by one replica counts on the others at once', { skip }, async (t) => {
  const [one, other] = await openReplicas(t)
  const { rotate, change, remove } = await administer(one)
  const isRefused = (client: TestClient) =>
    eventually(1_000, async () => (await authenticate(other, client)) === 401)

  t.test('a secret that was replaced is refused, and the new one taken', async (t) => {
    const client = await one.createClient()
    t.equal(await authenticate(other, client), 200, 'the other replica knows the client')
    const { status, body } = await rotate(client)
    t.equal(status, 200)
    t.ok(await isRefused(client))
    t.equal(await authenticate(other, { ...client, secret: body.client_secret }), 200)
  })

  t.test('the secret of a client that became public is refused', async (t) => {
    const client = await one.createClient({ scopes: ['openid', 'challenges'] })
    t.equal(await authenticate(other, client), 200)
    const changed = await change(client, { scopes: ['openid'], token_endpoint_auth_method: 'none' })
    t.equal(changed.status, 200, changed.text)
    t.ok(await isRefused(client))
  })

  t.test('a client that was deleted is refused', async (t) => {
    const client = await one.createClient()
    t.equal(await authenticate(other, client), 200)
    t.equal((await remove(client)).status, 204)
    t.ok(await isRefused(client))
  })
})

t.test('a client that was read before it changed is not kept after that', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { rotate } = await administer(postern)
  const client = await postern.createClient()
  const announced = new Promise((resolve) => postern.deps.ephemeral.changes.subscribe(resolve))
  const slow = holdStatement(postern, 'answer', /FROM clients/)
  const during = authenticate(postern, client)
  await slow.reached
  t.equal((await rotate(client)).status, 200)
  t.equal(await announced, 'clients')
  slow.release()
  await during
  t.equal(await authenticate(postern, client), 401)
})
