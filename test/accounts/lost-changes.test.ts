// Where Redis or PostgreSQL loses a change of an account, or does not say whether it has made it.
import { Redis } from 'ioredis'
import t from 'tap'
import { changingAccount } from '../../src/accounts/change-under-version.ts'
import { DependencyError } from '../../src/errors.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { missingServer, startRedis } from '../support/servers.ts'
import { watchStatements } from '../support/watch-statements.ts'

const skip = missingServer('postgres') || missingServer('redis')

const SETTLED_SECONDS = 30

const nameOf = async (postern: TestApp, bearer: string): Promise<string> =>
  (await postern.request('GET', '/v1/me', { bearer })).body.display_name

/** Changes accounts past Postern: no version is raised. */
const openByHand = async (t: { teardown: (close: () => Promise<void>) => void }, { deps }: TestApp) => {
  const client = await deps.postgres.connect()
  t.teardown(() => client.end())
  return async (set: string, accountId: string) => {
    await client.query(`UPDATE accounts SET ${set} WHERE id = $1`, [accountId])
  }
}

t.test('a change of an account that Redis has lost', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const byHand = await openByHand(t, postern)

  t.test('does not let a disabled account change anything', async (t) => {
    const account = await postern.createAccount({ roles: ['admin'] })
    const { access_token: bearer } = await postern.signIn(account, await postern.enrollTotp(account))
    postern.advance(SETTLED_SECONDS)
    t.equal((await postern.request('GET', '/v1/me', { bearer })).status, 200)
    await byHand(`status = 'disabled', roles = '{}'`, account.id)
    t.equal((await postern.request('GET', '/v1/me', { bearer })).status, 200, 'it is still kept')
    const again = { status: 'active', roles: ['admin'] }
    for (const [method, url, body] of [
      ['PATCH', `/v1/admin/accounts/${account.id}`, again],
      ['GET', '/v1/admin/accounts', undefined],
      ['PATCH', '/v1/me', { display_name: 'Ada' }],
      [
        'PUT',
        '/v1/me/password',
        { current_password: account.password, new_password: 'walnut drawer over the canal' },
      ],
      ['POST', '/v1/me/authenticators/totp', {}],
    ] as const) {
      const { status } = await postern.request(method, url, { bearer, ...(body && { body }) })
      t.ok(status === 401 || status === 403, `${method} ${url} is refused by ${status}`)
    }
  })

  t.test('is seen from when a lost connection is back', async (t) => {
    const redis = await startRedis()
    t.teardown(() => redis.stop())
    const replica = await openTestApp(t, { redisUrl: redis.url })
    const hand = await openByHand(t, replica)
    const { sub, access_token: bearer } = await replica.signIn(await replica.createAccount())
    replica.advance(SETTLED_SECONDS)
    t.equal(await nameOf(replica, bearer), null)
    await hand(`display_name = 'Ada'`, sub)
    t.equal(await nameOf(replica, bearer), null)
    const { promise: back, resolve } = Promise.withResolvers<void>()
    replica.deps.ephemeral.changes.subscribe((topic) => topic === 'reconnected' && resolve())
    const admin = new Redis(redis.url)
    t.teardown(() => admin.quit())
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await back
    t.ok(await eventually(2_000, async () => (await nameOf(replica, bearer)) === 'Ada'))
  })

  t.test('is raised again as soon as Redis is back', async (t) => {
    const { sub, access_token: bearer } = await postern.signIn(await postern.createAccount())
    const { versions } = postern.deps.ephemeral
    const { raise } = versions
    let isAway = false
    const raised: (number | null)[] = []
    versions.raise = (accountId, untilMs) => {
      if (isAway) return Promise.reject(new DependencyError('redis', 'away'))
      raised.push(untilMs)
      isAway = raised.length === 1
      return raise(accountId, untilMs)
    }
    t.teardown(() => {
      versions.raise = raise
    })
    const body = { display_name: 'Ada' }
    t.equal((await postern.request('PATCH', '/v1/me', { bearer, body })).status, 200)
    t.equal(raised.length, 1)
    isAway = false
    t.ok(await eventually(3_000, async () => raised.length === 2))
    t.equal(raised[1], null)
    t.equal((await postern.auditEvents({ event: 'account.changed', accountId: sub })).length, 1)
  })
})

t.test('a change of an account of which PostgreSQL does not say whether it is made', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const byHand = await openByHand(t, postern)
  const statements = watchStatements(postern)
  const account = await postern.createAccount()
  const { sub, access_token: bearer } = await postern.signIn(account)
  t.equal(await nameOf(postern, bearer), null)
  const silent = changingAccount(postern.deps, sub, () =>
    Promise.reject(new DependencyError('postgres', new Error('no answer'))),
  )
  await t.rejects(silent, { name: 'DependencyError' })

  postern.advance(SETTLED_SECONDS)
  t.equal(await nameOf(postern, bearer), null)
  await byHand(`display_name = 'Ada'`, sub)
  t.equal(await nameOf(postern, bearer), 'Ada', 'made half a minute later')

  postern.advance(15 * 60)
  const { access_token: later } = await postern.signIn(account)
  t.equal(await nameOf(postern, later), 'Ada')
  statements.take()
  t.equal(await nameOf(postern, later), 'Ada')
  t.same(statements.take(), [], 'and kept in the end')
})
