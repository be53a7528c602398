import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { signInAdministrator } from '../../support/administrator.ts'
import { openTestApp } from '../../support/app.ts'
import { onBothEngines } from '../../support/embedded.ts'
import { race } from '../../support/race.ts'

const skip = onBothEngines()
const PATH = '/v1/admin/keys/rotate'

const open = async (t: Parameters<typeof openTestApp>[0]) => {
  const postern = await openTestApp(t)
  const { bearer } = await signInAdministrator(postern)
  const published = async (): Promise<string[]> =>
    (await postern.request('GET', '/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid)
  return { postern, bearer, published, rotate: () => postern.request('POST', PATH, { bearer }) }
}

t.test(
  'the next key is published before it signs, and the old one stays for its last tokens',
  { skip },
  async (t) => {
    const { postern, published, rotate } = await open(t)
    const [old] = await published()
    const answer = await rotate()
    t.equal(answer.status, 201, answer.text)
    const { kid, algorithm, signs_from: signsFrom } = answer.body
    t.equal(algorithm, 'ES256')
    t.equal(Date.parse(signsFrom) - postern.now().getTime(), 600_000)
    t.same(await published(), [old, kid])

    const user = await postern.createAccount()
    const kidOfToken = async () => decodeProtectedHeader((await postern.signIn(user)).access_token).kid
    t.equal(await kidOfToken(), old)
    postern.advance(600)
    t.equal(await kidOfToken(), kid)
    t.same(await published(), [old, kid])
    postern.advance(661)
    t.same(await published(), [kid])
    t.match(await postern.auditEvents({ event: 'signing_key.created' }), [
      { actor_type: 'postern' },
      { actor_type: 'administrator', details: { kid } },
    ])
  },
)

t.test(
  'a key is published until the last token of a replica whose clock is a minute late has expired',
  { skip },
  async (t) => {
    const { postern, published, rotate } = await open(t)
    const [old] = await published()
    const { kid } = (await rotate()).body
    // The next key's turn begins, 600 s later its last token expires, and a late clock signs 60 s longer.
    postern.advance(600 + 600 + 59)
    t.same(await published(), [old, kid])
    postern.advance(1)
    t.same(await published(), [kid])
  },
)

t.test('what a key signs is refused once it is no longer published', { skip }, async (t) => {
  const { postern, published, rotate } = await open(t)
  const old = postern.deps.signingKeys.current(postern.now())
  await rotate()
  postern.advance(1260)
  t.notOk((await published()).includes(old.kid))
  const { access_token: token } = await postern.signIn(await postern.createAccount())
  const stolen = old.jwt.signAccess(decodeJwt(token))
  t.equal((await postern.request('GET', '/v1/me', { bearer: stolen })).status, 401)
  t.equal((await postern.request('GET', '/v1/me', { bearer: token })).status, 200)
})

t.test('a key that signs now takes its turn before the one that waits', { skip }, async (t) => {
  const { postern, bearer, published, rotate } = await open(t)
  const [old] = await published()
  const waiting = (await rotate()).body.kid
  postern.advance(1)
  const answer = await postern.request('POST', PATH, { bearer, body: { now: true } })
  t.equal(answer.status, 201, answer.text)
  const { kid } = answer.body
  t.same(await published(), [old, kid, waiting])
  const signing = () => postern.deps.signingKeys.current(postern.now()).kid
  t.equal(signing(), kid)
  postern.advance(599)
  t.equal(signing(), waiting)
})

t.test('one key at most waits for its turn, whoever asks at once', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { outcomes: answers } = await race(postern, 5, {
    prepare: async () => {
      // The one that waits has its turn, and those before it are no longer published.
      postern.advance(1260)
      return signInAdministrator(postern)
    },
    attempt: ({ bearer }) => postern.request('POST', PATH, { bearer }),
  })
  t.same(answers.map(({ status }) => status).sort(), [201, 409, 409, 409, 409])
  t.equal((await postern.request('GET', '/.well-known/jwks.json')).body.keys.length, 2)
})

t.test('who is not an administrator rotates no key', { skip }, async (t) => {
  const { postern, published } = await open(t)
  const { access_token: bearer } = await postern.signIn(await postern.createAccount())
  t.equal((await postern.request('POST', PATH, { bearer })).status, 403)
  t.equal((await postern.request('POST', PATH)).status, 401)
  t.equal((await published()).length, 1)
})
