import t from 'tap'
import { signInAdministrator } from '../../support/administrator.ts'
import { openTestApp, type TestApp } from '../../support/app.ts'
import { onBothEngines, testOnServers } from '../../support/embedded.ts'
import { begin, confirm, holdAccount } from '../../support/enrollment.ts'

const skip = onBothEngines()

const reset = ({ request }: TestApp, bearer: string, id: string) =>
  request('POST', `/v1/admin/accounts/${id}/reset-second-factor`, { bearer })

const FACTORS = {
  name: 'test_factors',
  text: `
    SELECT (SELECT count(*) FROM authenticators WHERE account_id = $1) AS authenticators,
           (SELECT count(*) FROM recovery_codes WHERE account_id = $1) AS recovery_codes,
           enrolled_authenticators AS enrolled
      FROM accounts
     WHERE id = $1`,
}

/** An account that has enrolled for itself, so that it has recovery codes too. */
const enrolled = async (postern: TestApp, roles: string[]) => {
  const account = await postern.createAccount({ roles })
  const { access_token: bearer } = await postern.signIn(account, await postern.enrollTotp(account))
  const codes = await postern.request('POST', '/v1/me/recovery-codes', { bearer })
  return { account, bearer, recoveryCode: codes.body.recovery_codes[0] as string }
}

t.test(
  'a reset takes every factor away and ends all access; the account enrolls anew',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    await postern.setPolicy({ required_roles: ['admin', 'pilot'] })
    const { accountId: administrator, bearer } = await signInAdministrator(postern)
    const { account, bearer: before, recoveryCode } = await enrolled(postern, ['pilot'])
    const { body: pending } = await postern.logIn(account)

    t.equal((await reset(postern, bearer, account.id)).status, 204)
    const factors = await postern.deps.postgres.query(FACTORS, [account.id])
    t.same(factors, [{ authenticators: 0, recovery_codes: 0, enrolled: 0 }])
    t.equal((await postern.request('POST', '/v1/logout', { bearer: before })).status, 401)
    const answer = await postern.request('POST', '/v1/challenges/verify', {
      body: { challenge_token: pending.challenge_token, method: 'recovery_code', code: recoveryCode },
    })
    t.equal(answer.body.error, 'invalid_challenge')
    t.equal((await postern.logIn(account)).body.status, 'enrollment_required')

    const [event] = await postern.auditEvents({ event: 'second_factor.reset', accountId: account.id })
    t.match(event, { actor_type: 'administrator', actor_id: administrator })
    const [ended] = await postern.auditEvents({ event: 'sessions.ended', accountId: account.id })
    t.equal(ended?.details.reason, 'second_factor_reset')
  },
)

testOnServers(t, 'a reset that waits for an enrollment leaves nothing of it', async (t) => {
  const postern = await openTestApp(t)
  const { bearer } = await signInAdministrator(postern)
  const account = await postern.createAccount()
  const { access_token: own } = await postern.signIn(account)
  const pending = await begin(postern, own)
  const held = await holdAccount(t, postern, account)
  const confirming = confirm(postern, own, pending.id, pending.code())
  await held.untilWaiting(1)
  const resetting = reset(postern, bearer, account.id)
  await held.untilWaiting(2)
  await held.release()
  t.equal((await confirming).status, 200)
  t.equal((await resetting).status, 204)
  const factors = await postern.deps.postgres.query(FACTORS, [account.id])
  t.same(factors, [{ authenticators: 0, recovery_codes: 0, enrolled: 0 }])
})

t.test('a reset ends a lock as well, and the attempts that led to it', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_attempts: 1 })
  const { bearer } = await signInAdministrator(postern)
  const { account } = await enrolled(postern, ['user'])
  const { body: pending } = await postern.logIn(account)
  await postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: pending.challenge_token, method: 'recovery_code', code: '0000-0000-0000-0000' },
  })
  t.equal((await postern.logIn(account)).body.error, 'account_locked')

  await reset(postern, bearer, account.id)
  t.equal((await postern.logIn(account)).body.status, 'authenticated')
})

t.test('an administrator does not reset his own; an unknown account is not found', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { accountId, bearer } = await signInAdministrator(postern)
  t.match(await reset(postern, bearer, accountId), { status: 403, body: { error: 'access_denied' } })
  const factors = await postern.deps.postgres.query(FACTORS, [accountId])
  t.match(factors, [{ authenticators: 1, enrolled: 1 }])

  const unknown = await reset(postern, bearer, '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11')
  t.match(unknown, { status: 404, body: { error: 'not_found' } })
  t.same(await postern.auditEvents({ event: 'second_factor.reset' }), [])
})
