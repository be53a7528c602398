import t from 'tap'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { begin, confirm, storedFactors } from '../support/enrollment.ts'
import { lockAccount } from '../support/lock.ts'

const skip = onBothEngines()

const SETTINGS = {
  name: 'test_settings',
  text: 'SELECT display_name, password_hash, updated_at FROM accounts WHERE id = $1',
}

const settingsOf = async (postern: TestApp, account: { id: string }) => ({
  factors: await storedFactors(postern, account),
  settings: await postern.deps.postgres.query(SETTINGS, [account.id]),
})

t.test("a locked account's open session changes nothing, and is refused until when", { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const { access_token: bearer } = await postern.signIn(account, totp)
  const pending = await begin(postern, bearer)
  const totpOf = { password: PASSWORD, method: 'totp', code: '123456' }
  const changes = [
    ['PATCH', '/v1/me', { display_name: 'Someone else' }],
    ['PUT', '/v1/me/password', { current_password: PASSWORD, new_password: 'another one of some length' }],
    ['POST', '/v1/me/authenticators/totp', {}],
    ['POST', `/v1/me/authenticators/${pending.id}/confirm`, { code: pending.code() }],
    ['PATCH', `/v1/me/authenticators/${totp.authenticatorId}`, { name: 'Mine' }],
    ['DELETE', `/v1/me/authenticators/${totp.authenticatorId}`, undefined],
    ['POST', '/v1/me/recovery-codes', undefined],
    ['POST', '/v1/me/second-factor/disable', totpOf],
  ] as const
  await lockAccount(postern, account.id)
  const before = await settingsOf(postern, account)
  for (const [method, url, body] of changes) {
    const refused = await postern.request(method, url, { bearer, ...(body && { body }) })
    t.match(refused, { status: 429, body: { error: 'account_locked', retry_after: 900 } }, `${method} ${url}`)
    t.equal(refused.headers['retry-after'], '900')
  }
  t.same(await settingsOf(postern, account), before)
  const events = await postern.auditEvents({ accountId: account.id, event: 'access.refused' })
  t.same(
    events.map(({ details }) => details.reason),
    changes.map(() => 'account_locked'),
  )
  for (const url of ['/v1/me', '/v1/me/authenticators', '/v1/me/recovery-codes', '/v1/me/activity']) {
    t.equal((await postern.request('GET', url, { bearer })).status, 200, `${url} is shown`)
  }
  const ended = await postern.request('DELETE', '/v1/me/sessions', { bearer })
  t.equal(ended.status, 204, 'its owner can still end the sessions of others')

  postern.advance(900)
  const again = (await postern.signIn(account, totp)).access_token
  t.equal((await postern.request('POST', '/v1/me/recovery-codes', { bearer: again })).status, 201)
})

t.test('a locked account does not begin to enroll at sign-in', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ required_for_all: true })
  const account = await postern.createAccount()
  const { enrollment_token: token } = (await postern.logIn(account)).body
  const pending = await begin(postern, token)
  await lockAccount(postern, account.id)
  const locked = { status: 429, body: { error: 'account_locked', retry_after: 900 } }
  t.match(await postern.request('POST', '/v1/me/authenticators/totp', { bearer: token }), locked)
  t.match(await confirm(postern, token, pending.id, pending.code()), locked)
  const [event] = await postern.auditEvents({ accountId: account.id, event: 'access.refused' })
  t.match(event, { client_id: 'postern', session_id: null, details: { reason: 'account_locked' } })
  t.match(await storedFactors(postern, account), { enrolled: 0, authenticators: [{ status: 'pending' }] })
})
