// Authlib, which applications in Python use: https://authlib.org
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { runApplication } from '../support/driven-application.ts'
import { missingPython, PYTHON } from '../support/programs.ts'
import { createUser, returnedTo, runPosternFor } from '../support/running-postern.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis') || missingPython('requests', 'authlib')

const PROGRAM = fileURLToPath(new URL('authlib-application.py', import.meta.url))
const SIGNED_OUT_URI = 'http://127.0.0.1:3000/signed-out'

test('Authlib signs in, renews, steps up and signs out, and refuses what is not for it', {
  skip,
}, async (t) => {
  const postern = await runPosternFor(t)
  const { clientId, secret } = await postern.registerClient({
    redirect_uris: ['http://127.0.0.1:3000/callback'],
    post_logout_redirect_uris: [SIGNED_OUT_URI],
    scopes: ['openid', 'profile', 'email'],
  })
  const user = await createUser(postern)
  let signIns = 0
  const seen = await runApplication({
    command: PYTHON,
    args: [PROGRAM, postern.issuer, clientId, secret],
    async visit(url) {
      const page = await user.browser.visit(url)
      if (page.left) return page.left
      signIns += 1
      return returnedTo(await user.signIn(page))
    },
  })

  t.equal(seen.silent, 'login_required')
  const signedIn = { sub: user.id, acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] }
  t.match(seen.signed_in, signedIn)
  t.match(seen.userinfo, { sub: user.id, preferred_username: user.username })
  t.equal(seen.rotated, true)
  t.match(seen.renewed, { ...signedIn, sid: seen.signed_in.sid })
  t.match(seen.introspected, { active: true, sub: user.id, client_id: clientId })
  t.equal(seen.altered_state, 'mismatching_state')
  t.equal(seen.altered_nonce, 'invalid_claim')
  t.match(seen.stepped_up, { ...signedIn, sid: seen.signed_in.sid })
  t.equal(signIns, 2, 'with the password and a code once more')
  t.equal(seen.signed_out_at, SIGNED_OUT_URI)
  t.equal(seen.renewed_after, 'invalid_grant')
})
