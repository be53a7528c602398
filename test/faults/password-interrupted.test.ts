import t from 'tap'
import { systemOrigin } from '../../src/audit/event.ts'
import { SCRIPTS } from '../../src/ephemeral/redis/scripts.ts'
import { setPassword } from '../../src/passwords/set-password.ts'
import { openTestApp, PASSWORD } from '../support/app.ts'
import { startHoldingProxy } from '../support/holding-proxy.ts'
import {
  createDatabase,
  missingServer,
  newKeyPrefix,
  sharedPostgres,
  sharedRedis,
} from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const NEXT = 'quod erat demonstrandum'
const HASH = { name: 'test_hash', text: 'SELECT password_hash FROM accounts WHERE id = $1' }

t.test('a change of the password that Redis leaves half-way can be repeated', { skip }, async (t) => {
  const databaseUrl = await createDatabase(await sharedPostgres())
  const redisUrl = (await sharedRedis()).url
  const redisKeyPrefix = newKeyPrefix()
  const postern = await openTestApp(t, { databaseUrl, redisUrl, redisKeyPrefix })

  /** Another replica, whose Redis falls silent when it is asked to end the sessions of an account. */
  const openSilenced = async () => {
    const ends = Buffer.from(SCRIPTS.endAllSessions.sha)
    const proxy = await startHoldingProxy(Number(new URL(redisUrl).port), (chunk) => chunk.includes(ends))
    t.teardown(() => proxy.stop())
    const silenced = { databaseUrl, redisUrl: `redis://127.0.0.1:${proxy.port}`, redisKeyPrefix }
    return { silenced: await openTestApp(t, silenced), held: proxy.held }
  }

  t.test('by its owner', async (t) => {
    const account = await postern.createAccount()
    const { access_token: bearer } = await postern.signIn(account)
    const other = await postern.signIn(account)
    const change = { bearer, body: { current_password: PASSWORD, new_password: NEXT } }
    const isLive = async (token: string) =>
      (await postern.request('GET', '/v1/me', { bearer: token })).status === 200

    const { silenced, held } = await openSilenced()
    const answer = await silenced.request('PUT', '/v1/me/password', change)
    await held
    t.match(answer, { status: 503, body: { error: 'temporarily_unavailable' } })
    t.equal((await postern.logIn(account)).status, 200, 'nothing has changed')
    t.ok(await isLive(other.access_token))
    t.same(await postern.auditEvents({ accountId: account.id, event: 'password.changed' }), [])

    t.equal((await postern.request('PUT', '/v1/me/password', change)).status, 204, 'asked again')
    t.equal((await postern.logIn({ ...account, password: NEXT })).status, 200)
    t.ok(await isLive(bearer))
    t.notOk(await isLive(other.access_token))
    t.equal((await postern.auditEvents({ accountId: account.id, event: 'password.changed' })).length, 1)
  })

  t.test('by the command line', async (t) => {
    const account = await postern.createAccount()
    const session = await postern.signIn(account)
    const before = await postern.deps.postgres.query(HASH, [account.id])
    const { silenced, held } = await openSilenced()
    const origin = systemOrigin(postern.now())
    await t.rejects(setPassword(silenced.deps, origin, account.id, NEXT), /redis is away/)
    await held
    t.same(await postern.deps.postgres.query(HASH, [account.id]), before)

    await setPassword(postern.deps, origin, account.id, NEXT)
    t.equal((await postern.request('GET', '/v1/me', { bearer: session.access_token })).status, 401)
    t.equal((await postern.logIn({ ...account, password: NEXT })).status, 200)
  })
})
