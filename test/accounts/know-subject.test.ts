// Clients' external subjects, where they are ended or deleted while a replica has them in memory.
import t from 'tap'
import { signInAdministrator } from '../support/administrator.ts'
import { openTestApp, type TestApp, type TestClient } from '../support/app.ts'
import { onBothEngines, testOnServers } from '../support/embedded.ts'
import { holdStatement } from '../support/hold-statement.ts'
import { openReplicas } from '../support/replicas.ts'

const skip = onBothEngines()

const createClient = (postern: TestApp) => postern.createClient({ scopes: ['challenges', 'openid'] })

const vouch = (postern: TestApp, client: TestClient) =>
  postern.request('POST', '/v1/challenges', { basic: client, body: { subject: 'ada' } })

const deleteAccount = async (postern: TestApp, id: string) => {
  const { bearer } = await signInAdministrator(postern)
  const { status, text } = await postern.request('DELETE', `/v1/admin/accounts/${id}`, { bearer })
  if (status !== 204) throw new Error(text)
}

t.test(
  'a sign-in is of no use where its sessions were ended while its account was read',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    const client = await createClient(postern)
    const { bearer } = await signInAdministrator(postern)
    const { sub } = (await vouch(postern, client)).body
    postern.deps.accounts.forgetAll()
    const held = holdStatement(postern, 'answer', /DISTINCT t.type/)
    const signingIn = vouch(postern, client)
    await held.reached
    const ended = await postern.request('DELETE', `/v1/admin/accounts/${sub}/sessions`, { bearer })
    t.equal(ended.status, 204, ended.text)
    held.release()
    const refused = await signingIn
    t.equal(refused.status, 409, refused.text)
    t.same(await postern.deps.ephemeral.sessions.list(sub, postern.now().getTime()), [])
    t.match((await vouch(postern, client)).body, { status: 'authenticated', sub }, 'and the next is')
  },
)

t.test('a subject that was deleted is made anew by its next sign-in', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const client = await createClient(postern)
  const first = await vouch(postern, client)
  t.equal((await vouch(postern, client)).body.sub, first.body.sub)
  await deleteAccount(postern, first.body.sub)
  const anew = await vouch(postern, client)
  t.match(anew.body, { status: 'authenticated' }, anew.text)
  t.not(anew.body.sub, first.body.sub)
})

testOnServers(t, 'so is one that was deleted at another replica', async (t) => {
  const [here, there] = await openReplicas(t)
  there.advance((here.now().getTime() - there.now().getTime()) / 1000)
  // A signing key signs on the second replica a moment after the first has made it.
  for (const replica of [here, there]) replica.advance(30)
  const client = await createClient(here)
  const first = await vouch(there, client)
  t.equal(first.body.status, 'authenticated', first.text)
  t.equal((await vouch(there, client)).body.sub, first.body.sub, 'kept there')
  await deleteAccount(here, first.body.sub)
  there.advance((here.now().getTime() - there.now().getTime()) / 1000)
  const anew = await vouch(there, client)
  t.match(anew.body, { status: 'authenticated' }, anew.text)
  t.not(anew.body.sub, first.body.sub)
  t.equal((await vouch(there, client)).body.sub, anew.body.sub)
})
