import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { missingServer } from '../support/servers.ts'
import { decodeBase32, totpCode } from '../support/totp-code.ts'

const skip = missingServer('postgres') || missingServer('redis')

t.test(
  'an account that must have a second factor enrolls at login and is signed in by it',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    const account = await postern.createAccount({ roles: ['admin'] })
    const login = await postern.logIn(account)
    t.equal(login.body.status, 'enrollment_required')
    t.same(login.body.methods, ['totp'])
    const bearer: string = login.body.enrollment_token

    const begun = await postern.request('POST', '/v1/me/authenticators/totp', { bearer })
    t.equal(begun.status, 201, begun.text)
    t.equal(begun.body.expires_in, 900)
    const code = totpCode(decodeBase32(begun.body.secret), postern.now())
    const confirmed = await postern.request('POST', `/v1/me/authenticators/${begun.body.id}/confirm`, {
      bearer,
      body: { code },
    })
    t.equal(confirmed.status, 200, confirmed.text)
    t.equal(confirmed.body.status, 'authenticated')
    t.equal(confirmed.body.acr, 'aal2')
    t.same(confirmed.body.amr, ['pwd', 'otp', 'mfa'])
    t.equal(confirmed.body.recovery_codes.length, 10)
    t.match(confirmed.body.authenticator, { name: 'Authenticator app', status: 'active', type: 'totp' })
  },
)
