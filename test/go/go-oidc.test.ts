// Go's x/oauth2 with go-oidc, which applications in Go use: https://github.com/coreos/go-oidc
// `npm run check:go` runs it: it takes Go, which fetches the two modules that go.sum names.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { runApplication } from '../support/driven-application.ts'
import { LOOPBACK_ALLOWED } from '../support/logout-receiver.ts'
import { missingProgram } from '../support/programs.ts'
import { createUser, returnedTo, runPosternFor } from '../support/running-postern.ts'
import { freePort, temporaryFolder } from '../support/server-process.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis') || missingProgram('go')

const MODULE = fileURLToPath(new URL('.', import.meta.url))
const SIGNED_OUT_URI = 'http://127.0.0.1:3000/signed-out'

test('go-oidc signs in, renews, steps up and signs out, and refuses what is not for it', {
  skip,
}, async (t) => {
  const program = join(temporaryFolder('go'), 'application')
  execFileSync('go', ['build', '-o', program, '.'], { cwd: MODULE })
  const postern = await runPosternFor(t, LOOPBACK_ALLOWED)
  const address = `127.0.0.1:${await freePort()}`
  const { clientId, secret } = await postern.registerClient({
    redirect_uris: ['http://127.0.0.1:3000/callback'],
    post_logout_redirect_uris: [SIGNED_OUT_URI],
    backchannel_logout_uri: `http://${address}/`,
    scopes: ['openid', 'profile', 'email'],
    // What OpenID Connect Core 15.1 has every library know.
    id_token_signed_response_alg: 'RS256',
  })
  const user = await createUser(postern)
  let signIns = 0
  const seen = await runApplication({
    command: program,
    args: [postern.issuer, clientId, secret, address],
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
  t.equal(seen.altered_state, 'state did not match')
  t.equal(seen.altered_nonce, 'nonce did not match')
  t.match(seen.stepped_up, { ...signedIn, sid: seen.signed_in.sid })
  t.equal(signIns, 2, 'with the password and a code once more')
  t.equal(seen.signed_out_at, SIGNED_OUT_URI)
  t.equal(seen.renewed_after, 'invalid_grant')
  t.match(seen.logout_token, { sid: seen.signed_in.sid })
})
