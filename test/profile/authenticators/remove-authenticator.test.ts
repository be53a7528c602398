import t from 'tap'
import { openTestApp, PASSWORD, type TestApp } from '../../support/app.ts'
import { onBothEngines, testOnServers } from '../../support/embedded.ts'
import { begin, confirm, countByStatus, holdAccount, storedFactors } from '../../support/enrollment.ts'

const skip = onBothEngines()

const remove = (postern: TestApp, bearer: string, id: string) =>
  postern.request('DELETE', `/v1/me/authenticators/${id}`, { bearer })

/** An account with `count` authenticators and ten recovery codes, its second factor freshly passed. */
const enrolled = async (
  postern: TestApp,
  { count, roles = ['user'] }: { count: number; roles?: string[] },
) => {
  const account = await postern.createAccount({ roles })
  const totps = []
  for (let made = 0; made < count; made += 1) totps.push(await postern.enrollTotp(account))
  const [totp] = totps
  const { access_token: bearer } = await postern.signIn(account, totp)
  await postern.request('POST', '/v1/me/recovery-codes', { bearer })
  return { account, bearer, ids: totps.map(({ authenticatorId }) => authenticatorId), totp }
}

const WITHOUT_PASSWORD = {
  name: 'test_without_password',
  text: 'UPDATE accounts SET password_hash = NULL, password_changed_at = NULL WHERE id = $1',
}
const DISABLE = {
  name: 'test_disable_authenticator',
  text: `UPDATE authenticators SET status = 'disabled' WHERE id = $1`,
}

t.test('removing an authenticator', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('one of two goes, is recorded, and signs nobody in any more', async (t) => {
    const { account, bearer, ids, totp } = await enrolled(postern, { count: 2, roles: ['admin'] })
    t.equal((await remove(postern, bearer, ids[0] ?? '')).status, 204)
    const stored = await storedFactors(postern, account)
    t.match(stored, { enrolled: 1, recoveryCodes: 10, authenticators: [{ id: ids[1] }] })
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'authenticator.removed' })
    t.match(event, { outcome: 'success', details: { authenticator_id: ids[0], type: 'totp' } })

    postern.advance(30)
    const { challenge_token } = (await postern.logIn(account)).body
    const body = { challenge_token, method: 'totp', code: totp?.code() }
    const refused = await postern.request('POST', '/v1/challenges/verify', { body })
    t.equal(refused.body.error, 'invalid_code')
  })

  t.test('the last one stays where the policy requires one, and that is recorded', async (t) => {
    const { account, bearer, ids } = await enrolled(postern, { count: 1, roles: ['admin'] })
    const refused = await remove(postern, bearer, ids[0] ?? '')
    t.equal(refused.status, 403)
    t.equal(refused.body.error, 'policy_violation')
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })
    t.same(await postern.auditEvents({ accountId: account.id, event: 'authenticator.removed' }), [])
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'access.refused' })
    t.match(event, { outcome: 'failure', details: { reason: 'last_authenticator' } })
  })

  t.test('the last one goes where the policy requires none, and its recovery codes with it', async (t) => {
    const { account, bearer, ids } = await enrolled(postern, { count: 1 })
    t.equal((await remove(postern, bearer, ids[0] ?? '')).status, 204)
    t.match(await storedFactors(postern, account), { enrolled: 0, recoveryCodes: 0, authenticators: [] })
    t.equal((await postern.logIn(account)).body.status, 'authenticated')
  })

  t.test('the last one stays while the password is too short to be the only factor', async (t) => {
    const { account, bearer, ids } = await enrolled(postern, { count: 2 })
    const [first = '', last = ''] = ids
    const put = (currentPassword: string, newPassword: string) =>
      postern.request('PUT', '/v1/me/password', {
        bearer,
        body: { current_password: currentPassword, new_password: newPassword },
      })
    // Fifteen code points, fourteen once they are normalised.
    const short = 'walnut drawe\u0301rs'
    t.equal((await put(PASSWORD, short)).status, 204, 'beside a second factor it will do')
    t.equal((await remove(postern, bearer, first)).status, 204, 'one of two goes as ever')

    const refused = await remove(postern, bearer, last)
    t.match(refused, { status: 400, body: { error: 'weak_password' } })
    t.match(refused.body.error_description, /15.*sign in again.*second-factor\/disable/)
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })
    t.equal((await postern.auditEvents({ accountId: account.id, event: 'authenticator.removed' })).length, 1)
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'access.refused' })
    t.match(event, { outcome: 'failure', details: { reason: 'weak_password' } })

    t.equal((await put(short, 'walnut drawer..')).status, 204, 'fifteen')
    t.equal((await remove(postern, bearer, last)).status, 204)
    t.equal((await storedFactors(postern, account)).enrolled, 0)
  })

  t.test('the last one goes where there is no password that it could leave alone', async (t) => {
    const { account, bearer, ids } = await enrolled(postern, { count: 1 })
    await postern.deps.postgres.query(WITHOUT_PASSWORD, [account.id])
    t.equal((await remove(postern, bearer, ids[0] ?? '')).status, 204)
    t.equal((await storedFactors(postern, account)).enrolled, 0)
  })

  testOnServers(t, 'the last one stays where the account is disabled meanwhile', async (t) => {
    const { account, bearer, ids } = await enrolled(postern, { count: 1 })
    const held = await holdAccount(t, postern, account)
    const removal = remove(postern, bearer, ids[0] ?? '')
    await held.untilWaiting(1)
    await held.query(`UPDATE accounts SET status = 'disabled' WHERE id = $1`, [account.id])
    await held.release()
    t.equal((await removal).status, 404)
    t.equal((await storedFactors(postern, account)).enrolled, 1)
  })

  t.test(
    'what the account has begun to enroll stays as the last one goes, and can be confirmed',
    async (t) => {
      const { account, bearer, ids } = await enrolled(postern, { count: 1 })
      const pending = await begin(postern, bearer)
      t.equal((await remove(postern, bearer, ids[0] ?? '')).status, 204)
      t.match(await storedFactors(postern, account), {
        enrolled: 0,
        authenticators: [{ id: pending.id, status: 'pending' }],
      })
      t.equal((await confirm(postern, bearer, pending.id, pending.code())).status, 200)
    },
  )

  testOnServers(t, 'of all of them removed at once one stays where the policy requires one', async (t) => {
    const { account, bearer, ids } = await enrolled(postern, { count: 3, roles: ['admin'] })
    const held = await holdAccount(t, postern, account)
    const answers = Promise.all(ids.map((id) => remove(postern, bearer, id)))
    await held.untilWaiting(3)
    await held.release()
    t.same(countByStatus(await answers), { 204: 2, 403: 1 })
    const { enrolled: count, authenticators } = await storedFactors(postern, account)
    t.equal(count, 1)
    t.equal(authenticators.length, 1)
  })

  testOnServers(t, 'the last one stays where a role that requires one is given meanwhile', async (t) => {
    const { account, bearer, ids } = await enrolled(postern, { count: 1 })
    const held = await holdAccount(t, postern, account)
    const refused = remove(postern, bearer, ids[0] ?? '')
    await held.untilWaiting(1)
    await held.query(`UPDATE accounts SET roles = '{admin}' WHERE id = $1`, [account.id])
    await held.release()
    t.match(await refused, { status: 403, body: { error: 'policy_violation' } })
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })
  })

  t.test('the last one that works stays while a disabled one does', async (t) => {
    const { account, bearer, ids } = await enrolled(postern, { count: 2 })
    const [works = '', disabled = ''] = ids
    await postern.deps.postgres.query(DISABLE, [disabled])
    const refused = await remove(postern, bearer, works)
    t.equal(refused.body.error, 'policy_violation')
    t.match(refused.body.error_description, /disabled/)
    t.equal((await storedFactors(postern, account)).enrolled, 2)
    t.equal((await remove(postern, bearer, disabled)).status, 204)
    t.equal((await remove(postern, bearer, works)).status, 204)
    t.match(await storedFactors(postern, account), { enrolled: 0, authenticators: [] })
  })

  t.test('one that is not confirmed goes, and changes nothing else', async (t) => {
    const { account, bearer } = await enrolled(postern, { count: 1, roles: ['admin'] })
    const challenge: string = (await postern.logIn(account)).body.challenge_token
    const pending = await begin(postern, bearer)
    t.equal((await remove(postern, bearer, pending.id)).status, 204)
    t.equal((await confirm(postern, bearer, pending.id, pending.code())).status, 404)
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })
    const body = { challenge_token: challenge }
    t.equal((await postern.request('POST', '/v1/challenges/cancel', { body })).status, 204, 'still pending')
  })

  t.test('pending challenges end with it', async (t) => {
    const { account, bearer, ids } = await enrolled(postern, { count: 2 })
    const body = { challenge_token: (await postern.logIn(account)).body.challenge_token }
    await remove(postern, bearer, ids[1] ?? '')
    const ended = await postern.request('POST', '/v1/challenges/cancel', { body })
    t.equal(ended.body.error, 'invalid_challenge')
  })

  t.test('nobody removes what is another account’s', async (t) => {
    const { bearer } = await enrolled(postern, { count: 1 })
    const other = await enrolled(postern, { count: 1 })
    t.equal((await remove(postern, bearer, other.ids[0] ?? '')).status, 404)
    t.equal((await storedFactors(postern, other.account)).enrolled, 1)
    t.equal((await remove(postern, bearer, 'not-a-uuid')).status, 400)
  })

  testOnServers(
    t,
    'without a second factor only what is not confirmed can be removed or renamed',
    async (t) => {
      const account = await postern.createAccount()
      const { access_token: bearer } = await postern.signIn(account)
      const pending = await begin(postern, bearer)
      const renamed = await postern.request('PATCH', `/v1/me/authenticators/${pending.id}`, {
        bearer,
        body: { name: 'Phone' },
      })
      t.match(renamed.body, { name: 'Phone', status: 'pending' })

      const held = await holdAccount(t, postern, account)
      const removal = remove(postern, bearer, pending.id)
      await held.untilWaiting(1)
      const sql = {
        name: 'test_confirm_meanwhile',
        text: `UPDATE authenticators SET status = 'active', expires_at = NULL WHERE id = $1`,
      }
      await postern.deps.postgres.query(sql, [pending.id])
      await held.release()
      t.equal((await removal).status, 404, 'it was confirmed meanwhile, by whoever it was')
      t.match(await storedFactors(postern, account), { authenticators: [{ status: 'active' }] })
    },
  )
})
