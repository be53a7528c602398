import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { signInAdministrator } from '../support/administrator.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { runCommand } from '../support/commands.ts'
import { ENGINES } from '../support/engines.ts'
import { eventually } from '../support/eventually.ts'
import { createDatabase, missingServer, newKeyPrefix, sharedPostgres } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const kidOf = (token: string): string => decodeProtectedHeader(token).kid ?? ''

const published = async (postern: TestApp): Promise<string[]> =>
  (await postern.request('GET', '/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid)

const me = async (postern: TestApp, bearer: string) =>
  (await postern.request('GET', '/v1/me', { bearer })).status

for (const { engine, skip: missing, open } of ENGINES) {
  t.test(
    `${engine}: a compromised key goes with all that it has signed, and sessions go on`,
    { skip: missing },
    async (t) => {
      const postern = await open(t)
      const { bearer } = await signInAdministrator(postern)
      const tokens = await postern.signIn(await postern.createAccount())
      const old = kidOf(tokens.access_token)
      t.equal(await me(postern, tokens.access_token), 200, 'and remembered as verified')
      const withdraw = (kid: string, by = bearer) =>
        postern.request('POST', `/v1/admin/keys/${kid}/withdraw`, { bearer: by })
      t.match(
        await withdraw(old),
        { status: 409, body: { error: 'conflict' } },
        'it signs, and no other does',
      )
      t.match(await withdraw('x'.repeat(43)), { status: 404, body: { error: 'not_found' } })
      t.same(await published(postern), [old])

      postern.advance(1)
      const next = await postern.request('POST', '/v1/admin/keys/rotate', { bearer, body: { now: true } })
      t.match(next, { status: 201, body: { signs_from: postern.now().toISOString() } })
      t.same(await published(postern), [old, next.body.kid], 'the old one stays for its tokens')
      t.equal((await withdraw(old)).status, 204)
      t.same(await published(postern), [next.body.kid])
      t.equal(await me(postern, tokens.access_token), 401)
      t.equal((await withdraw(next.body.kid)).status, 401, 'the administrator’s token went too')

      const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'postern' }
      const renewed = await postern.request('POST', '/oauth2/token', { form })
      t.equal(kidOf(renewed.body.access_token), next.body.kid)
      t.equal(await me(postern, renewed.body.access_token), 200)
      t.match(await postern.auditEvents({ event: 'signing_key.withdrawn' }), [
        { actor_type: 'administrator', details: { kid: old } },
      ])
    },
  )
}

t.test('a withdrawn key is refused on every replica', { skip }, async (t) => {
  const options = {
    databaseUrl: await createDatabase(await sharedPostgres()),
    redisKeyPrefix: newKeyPrefix(),
  }
  const [one, other] = [await openTestApp(t, options), await openTestApp(t, options)]
  const { access_token: token } = await one.signIn(await one.createAccount())
  t.equal(await me(other, token), 200)
  one.advance(1)
  other.advance(1)
  t.match(await runCommand(one, ['key', 'rotate', '--now']), { code: 0 })
  t.match(await runCommand(one, ['key', 'withdraw', kidOf(token)]), { code: 0, out: /^Withdrew key/ })
  t.ok(await eventually(2_000, async () => (await me(other, token)) === 401))
  const again = await runCommand(one, ['key', 'withdraw', kidOf(token)])
  t.match(again, { code: 1, err: /no signing key of that kid/ })
})

t.test('of withdrawals at once none takes the last key that may sign', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { bearer } = await signInAdministrator(postern)
  const ask = (path: string, body?: object) =>
    postern.request('POST', `/v1/admin/keys/${path}`, { bearer, ...(body && { body }) })
  const [first = ''] = await published(postern)
  postern.advance(1)
  const second = (await ask('rotate', { now: true })).body.kid
  const waiting = (await ask('rotate')).body.kid
  const answers = await Promise.all([first, second, waiting].map((kid) => ask(`${kid}/withdraw`)))
  const statuses = answers.map(({ status }) => status)
  t.equal(statuses[1], 409, 'the one that signs')
  await postern.deps.signingKeys.reload()
  t.ok((await published(postern)).includes(second))
  t.equal(kidOf((await postern.signIn(await postern.createAccount())).access_token), second)
})
