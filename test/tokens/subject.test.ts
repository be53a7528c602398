import { decodeJwt } from 'jose'
import t from 'tap'
import { ensurePairwiseSalt } from '../../src/tokens/ensure-pairwise-salt.ts'
import { sectorOf, subjectOf } from '../../src/tokens/subject.ts'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

const client = {
  clientId: 'app',
  subjectType: 'pairwise' as const,
  redirectUris: ['https://app.example:8443/cb'],
  sectorIdentifierUri: null,
}
const ADA = '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11'
const salt = { pairwiseSalt: Buffer.alloc(32, 1) }

t.test(
  'a sector is the host of the sector identifier, else of the redirect URIs, else the client',
  async (t) => {
    t.equal(
      sectorOf({ ...client, sectorIdentifierUri: 'https://group.example/sector.json' }),
      'group.example',
    )
    t.equal(sectorOf(client), 'app.example:8443')
    t.equal(sectorOf({ ...client, redirectUris: ['com.example.app:/cb'] }), 'app')
    t.equal(sectorOf({ ...client, redirectUris: [] }), 'app')
  },
)

t.test('a pairwise subject is of one sector, one account and one salt', async (t) => {
  const subject = subjectOf(salt, client, ADA)
  t.match(subject, /^[\w-]{43}$/)
  t.equal(subjectOf(salt, { ...client, clientId: 'sister' }, ADA), subject, 'the same sector')
  const elsewhere = { ...client, redirectUris: ['https://other.example/cb'] }
  const others = [
    subjectOf(salt, elsewhere, ADA),
    subjectOf(salt, client, ADA.replace(/1$/, '2')),
    subjectOf({ pairwiseSalt: Buffer.alloc(32, 2) }, client, ADA),
  ]
  t.equal(new Set([subject, ...others]).size, 4)
  t.equal(subjectOf(salt, { ...client, subjectType: 'public' }, ADA), ADA)
})

t.test('of salts that are made at once, one is kept, and it is sealed', { skip }, async (t) => {
  const { deps } = await openTestApp(t)
  const salts = await Promise.all(
    Array.from({ length: 5 }, () =>
      ensurePairwiseSalt({ ...deps, randomBytes: (length) => deps.randomBytes(length) }),
    ),
  )
  for (const made of salts) t.same(made, deps.pairwiseSalt)
  const text = 'SELECT sealed FROM sealed_secrets'
  const [row] = await deps.postgres.query<{ sealed: string }>({ name: 'test_sealed_salt', text })
  t.notMatch(row?.sealed, deps.pairwiseSalt.toString('base64'))
})

const signIn = async (postern: TestApp, username: string, clientId: string) => {
  const body = { username, password: PASSWORD, client_id: clientId }
  const answer = await postern.request('POST', '/v1/login', { body })
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body
}

t.test(
  'two sectors know an account by different subjects, and each by the same again',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    const account = await postern.createAccount()
    const register = async (clientId: string, host: string) =>
      postern.createClient({
        clientId,
        firstParty: true,
        tokenEndpointAuthMethod: 'none',
        scopes: ['openid'],
        subjectType: 'pairwise',
        redirectUris: [`https://${host}/cb`],
      })
    await register('one', 'one.example')
    await register('sister', 'one.example')
    await register('two', 'two.example')
    const subjects: string[] = []
    for (const clientId of ['one', 'sister', 'two', 'one']) {
      const answer = await signIn(postern, account.username, clientId)
      t.equal(decodeJwt(answer.id_token).sub, answer.sub, 'the answer names whom the ID token does')
      t.equal(decodeJwt(answer.access_token).sub, answer.sub, 'and the access token')
      subjects.push(answer.sub)
    }
    const [one, sister, two, again] = subjects
    t.equal(one, sister)
    t.equal(one, again)
    t.not(one, two)
    t.notOk(subjects.includes(account.id))
  },
)

t.test('Postern knows the account of a pairwise client’s token', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const { clientId } = await postern.createClient({
    firstParty: true,
    tokenEndpointAuthMethod: 'none',
    scopes: ['openid', 'postern:me'],
    subjectType: 'pairwise',
  })
  const { access_token: bearer, sub } = await signIn(postern, account.username, clientId)
  t.not(sub, account.id)
  const me = await postern.request('GET', '/v1/me', { bearer })
  t.match(me, { status: 200, body: { username: account.username } })
})
