import t from 'tap'
import type { Origin } from '../../src/audit/event.ts'
import { changePassword, type PasswordChange } from '../../src/passwords/change-password.ts'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { lockAccount } from '../support/lock.ts'

const skip = onBothEngines()

const NEXT = 'quod erat demonstrandum'
const GET_HASH = { name: 'test_get_hash', text: 'SELECT password_hash FROM accounts WHERE id = $1' }

const originOf = (postern: TestApp, accountId: string): Origin => ({
  now: postern.now(),
  requestId: null,
  // As the app's requests: the network from which the account has signed in.
  ip: '127.0.0.1',
  userAgent: null,
  actor: { type: 'account', id: accountId },
})

/** An account, signed in, and how it changes its password there. */
const prepare = async (postern: TestApp) => {
  const account = await postern.createAccount({ username: 'ada' })
  const session = await postern.signIn(account)
  const change = (given: Partial<PasswordChange> = {}) =>
    changePassword(postern.deps, originOf(postern, account.id), {
      accountId: account.id,
      sid: session.sid,
      currentPassword: PASSWORD,
      newPassword: NEXT,
      others: 'keep',
      ...given,
    })
  return { account, session, change, hash: () => postern.deps.postgres.query(GET_HASH, [account.id]) }
}

const isLive = async ({ request }: TestApp, bearer: string) =>
  (await request('GET', '/v1/me/sessions', { bearer })).status === 200

t.test('the new password signs in from then on, the old one does not', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { account, session, change } = await prepare(postern)
  const other = await postern.signIn(account)
  await change()
  t.equal((await postern.logIn(account)).body.error, 'invalid_credentials')
  t.equal((await postern.logIn({ ...account, password: NEXT })).status, 200)
  t.ok(await isLive(postern, session.access_token))
  t.ok(await isLive(postern, other.access_token), 'other sessions stay unless asked for')
  const [event] = await postern.auditEvents({ event: 'password.changed' })
  t.match(event, { account_id: account.id, actor_id: account.id, session_id: session.sid })
  t.same(await postern.auditEvents({ event: 'sessions.ended' }), [])
})

t.test('it ends what is pending, and other sessions where that is asked for', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { account, session, change } = await prepare(postern)
  const other = await postern.signIn(account)
  const totp = await postern.enrollTotp(account)
  const { body: pending } = await postern.logIn(account)

  await change({ others: 'end' })
  t.ok(await isLive(postern, session.access_token))
  t.notOk(await isLive(postern, other.access_token))
  const answer = await postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: pending.challenge_token, method: 'totp', code: totp.code() },
  })
  t.equal(answer.body.error, 'invalid_challenge')
  const [event] = await postern.auditEvents({ event: 'sessions.ended' })
  t.match(event, { session_id: session.sid, details: { reason: 'password_changed' } })
})

t.test('it ends what is pending also where the other sessions are kept', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { account, change } = await prepare(postern)
  const other = await postern.signIn(account)
  const totp = await postern.enrollTotp(account)
  const { body: pending } = await postern.logIn(account)
  await change({ others: 'keep' })
  t.ok(await isLive(postern, other.access_token))
  const answer = await postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: pending.challenge_token, method: 'totp', code: totp.code() },
  })
  t.equal(answer.body.error, 'invalid_challenge')
})

t.test('a wrong current password is refused, and counted like a sign-in', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 2, password_window: 60 })
  const { account, change, hash } = await prepare(postern)
  const before = await hash()
  const wrong = {
    code: 'invalid_credentials',
    details: { fields: ['current_password'] },
  }
  await t.rejects(change({ currentPassword: 'wrong' }), wrong)
  // The same budget as at sign-in.
  t.equal((await postern.logIn({ ...account, password: 'wrong' })).status, 401)
  await t.rejects(change(), { code: 'too_many_attempts', details: { retry_after: 60 } })
  t.same(await hash(), before)
  const refused = await postern.auditEvents({ event: 'password.refused' })
  t.same(
    refused.map(({ details }) => details.reason),
    ['wrong_password', 'throttled_account'],
  )

  postern.advance(61)
  await change()
})

t.test('a weak new password is refused before the current one is checked', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_passwords: 1 })
  const { change, hash } = await prepare(postern)
  const before = await hash()
  for (const newPassword of ['short', 'adaadaadaadaada', 'password12345678'])
    await t.rejects(change({ currentPassword: 'wrong', newPassword }), {
      code: 'weak_password',
      details: { fields: ['new_password'] },
    })
  t.same(await hash(), before)
  await change()
})

t.test('of two changes at once that know the current password, one is made', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { change } = await prepare(postern)
  const outcomes = await Promise.allSettled([change(), change({ newPassword: 'quod erat faciendum' })])
  const [failed] = outcomes.filter(({ status }) => status === 'rejected')
  t.match(failed, { reason: { code: /conflict|invalid_credentials/ } })
  t.equal((await postern.auditEvents({ event: 'password.changed' })).length, 1)
})

t.test('an account without a password cannot change one', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { change } = await prepare(postern)
  const client = await postern.createClient()
  const { body } = await postern.request('POST', '/v1/challenges', { basic: client, body: { subject: 's1' } })
  await t.rejects(change({ accountId: body.sub }), { code: 'not_found' })
})

t.test('a locked account changes no password, though its session is open', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ lockout: 60 })
  const { account, session, hash } = await prepare(postern)
  const before = await hash()
  await lockAccount(postern, account.id)
  const change = () =>
    postern.request('PUT', '/v1/me/password', {
      bearer: session.access_token,
      body: { current_password: PASSWORD, new_password: NEXT },
    })
  t.match(await change(), { status: 429, body: { error: 'account_locked', retry_after: 60 } })
  t.same(await hash(), before)
  const [event] = await postern.auditEvents({ event: 'access.refused' })
  t.match(event, { account_id: account.id, details: { reason: 'account_locked' } })
  postern.advance(60)
  t.equal((await change()).status, 204)
})
