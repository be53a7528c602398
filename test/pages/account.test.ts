// The page of whoever is signed in to Postern itself.
import { test } from 'tap'
import { openTestApp, PASSWORD } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { openBrowser } from '../support/form-browser.ts'
import { answerOf, authorizationRequest, REDIRECT_URI, redeem } from '../support/oidc-client.ts'

const skip = onBothEngines()

test('Whoever signs in without an application sees what applications may see, and takes it back', {
  skip,
}, async (t) => {
  const postern = await openTestApp(t)
  await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient({
    name: 'Tide Tables',
    scopes: ['openid', 'email'],
    redirectUris: [REDIRECT_URI],
  })
  const browser = openBrowser(postern)
  const asked = await browser.visit('/account')
  t.match(asked.url, '/sign-in')
  const home = await browser.submit(asked, { username: 'ada', password: PASSWORD })
  t.equal(home.url, '/account')
  t.match(home.html, /ada/)
  t.notMatch(home.html, /Tide Tables/)

  const { url, codeVerifier } = authorizationRequest(client)
  const allowed = await browser.submit(await browser.visit(url), { decision: 'allow' })
  const { body } = await redeem(postern, client, { code: answerOf(allowed).code ?? '', codeVerifier })
  const listed = await browser.visit('/account')
  t.match(listed.html, /Tide Tables/)
  const revoked = await browser.submit(listed)
  t.equal(revoked.status, 200)
  t.match(revoked.html, /role="status"/)
  t.equal((await browser.submit(listed)).status, 200, 'in another tab it was taken back before')
  const renewed = await postern.request('POST', '/oauth2/token', {
    basic: client,
    form: { grant_type: 'refresh_token', refresh_token: body.refresh_token },
  })
  t.equal(renewed.body.error, 'invalid_grant', 'and what it had got has ended')
  t.match(
    (await browser.visit(authorizationRequest(client).url)).html,
    /name="decision"/,
    'it is asked again',
  )
})
