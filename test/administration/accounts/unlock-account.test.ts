import t from 'tap'
import { unlockAccount } from '../../../src/administration/accounts/unlock-account.ts'
import { signInAdministrator } from '../../support/administrator.ts'
import { openTestApp, type TestApp } from '../../support/app.ts'
import { onBothEngines } from '../../support/embedded.ts'
import { lockAccount } from '../../support/lock.ts'

const skip = onBothEngines()

const unlock = ({ request }: TestApp, bearer: string, id: string) =>
  request('POST', `/v1/admin/accounts/${id}/unlock`, { bearer })

t.test('unlocking lets an account try its code again', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_attempts: 1 })
  const { accountId: administrator, bearer } = await signInAdministrator(postern)
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const { body: pending } = await postern.logIn(account)
  await postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: pending.challenge_token, method: 'totp', code: '000000' },
  })
  t.equal((await postern.logIn(account)).body.error, 'account_locked')

  t.equal((await unlock(postern, bearer, account.id)).status, 204)
  t.ok(await postern.signIn(account, totp))
  const [event] = await postern.auditEvents({ event: 'account.unlocked', accountId: account.id })
  t.match(event, { actor_type: 'administrator', actor_id: administrator })
})

t.test('unlocking gives an account its passwords back', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 1 })
  const { bearer } = await signInAdministrator(postern)
  for (const by of ['username', 'email'] as const) {
    const account = await postern.createAccount({ email: `by-${by}@example.org` })
    const named = { ...account, username: by === 'email' ? `by-${by}@example.org` : account.username }
    await postern.logIn({ ...named, password: 'wrong' })
    t.equal((await postern.logIn(named)).body.error, 'too_many_attempts')
    t.equal((await unlock(postern, bearer, account.id)).status, 204)
    t.equal((await postern.logIn(named)).body.status, 'authenticated', by)
  }
})

t.test('an authenticator that too many failures have disabled stays disabled', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { bearer } = await signInAdministrator(postern)
  const account = await postern.createAccount()
  await postern.enrollTotp(account)
  const DISABLE = {
    name: 'test_disable_totp',
    text: `UPDATE authenticators SET status = 'disabled' WHERE account_id = $1`,
  }
  await postern.deps.postgres.query(DISABLE, [account.id])

  await unlock(postern, bearer, account.id)
  const { body } = await postern.request('GET', `/v1/admin/accounts/${account.id}`, { bearer })
  t.match(body.second_factor, { enabled: true, methods: [] })
  t.equal((await postern.logIn(account)).status, 403)
})

t.test('an unknown account is not found, and nothing is recorded', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { bearer } = await signInAdministrator(postern)
  const answer = await unlock(postern, bearer, '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11')
  t.match(answer, { status: 404, body: { error: 'not_found' } })
  t.same(await postern.auditEvents({ event: 'account.unlocked' }), [])
})

t.test('no administrator unlocks their own account', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { accountId, bearer } = await signInAdministrator(postern)
  t.match(await unlock(postern, bearer, accountId), { status: 403, body: { error: 'access_denied' } })

  await lockAccount(postern, accountId)
  t.match(await unlock(postern, bearer, accountId), { status: 429, body: { error: 'account_locked' } })
  const origin = {
    now: postern.now(),
    requestId: null,
    ip: null,
    userAgent: null,
    actor: { type: 'administrator' as const, id: accountId },
  }
  await t.rejects(unlockAccount(postern.deps, origin, accountId), { code: 'access_denied' })
  t.same(await postern.auditEvents({ event: 'account.unlocked' }), [])

  const other = await signInAdministrator(postern)
  t.equal((await unlock(postern, other.bearer, accountId)).status, 204, 'another may')
})
