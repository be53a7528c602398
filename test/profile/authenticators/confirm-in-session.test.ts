import { decodeJwt } from 'jose'
import t from 'tap'
import { openTestApp } from '../../support/app.ts'
import { missingServer } from '../../support/servers.ts'
import { decodeBase32, totpCode } from '../../support/totp-code.ts'

const skip = missingServer('postgres') || missingServer('redis')

t.test('who enrolls a first authenticator of their own accord stays signed in', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const first = await postern.signIn(await postern.createAccount())
  const bearer = first.access_token
  const begun = await postern.request('POST', '/v1/me/authenticators/totp', { bearer })
  const code = totpCode(decodeBase32(begun.body.secret), postern.now())
  const url = `/v1/me/authenticators/${begun.body.id}/confirm`
  const confirmed = await postern.request('POST', url, { bearer, body: { code } })
  t.equal(confirmed.status, 200, confirmed.text)
  t.equal(confirmed.body.recovery_codes.length, 10)
  t.notOk('access_token' in confirmed.body, 'it is the same session')

  const form = { grant_type: 'refresh_token', refresh_token: first.refresh_token, client_id: 'postern' }
  const renewed = await postern.request('POST', '/oauth2/token', { form })
  t.equal(renewed.status, 200, 'the gate sees the second factor that has just been shown')
  t.match(decodeJwt(renewed.body.access_token), { sid: first.sid, acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
})
