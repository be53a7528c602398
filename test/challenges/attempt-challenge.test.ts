import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

t.test('a password and then a code give signed tokens', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount({ roles: ['admin'] })
  const totp = await postern.enrollTotp(account)

  const login = await postern.logIn(account)
  t.equal(login.status, 200)
  t.equal(login.body.status, 'challenge_required')
  t.same(login.body.methods, [{ method: 'totp' }])
  t.same(login.body.reasons, ['role_requires_second_factor'])

  const passed = await postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: login.body.challenge_token, method: 'totp', code: totp.code() },
  })
  t.equal(passed.status, 200, passed.text)
  t.equal(passed.body.acr, 'aal2')
  t.same(passed.body.amr, ['pwd', 'otp', 'mfa'])
  const [event] = await postern.auditEvents({ event: 'challenge.passed' })
  t.equal(event?.account_id, account.id)
  t.equal(event?.session_id, passed.body.sid)
})
