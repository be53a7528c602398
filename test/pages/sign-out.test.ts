// RP-Initiated Logout 1.0, and signing out by the user's own wish.
import { test } from 'tap'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { openBrowser } from '../support/form-browser.ts'
import { answerOf, authorizationRequest, REDIRECT_URI, redeem } from '../support/oidc-client.ts'

const skip = onBothEngines()
const SIGNED_OUT_URI = 'https://app.example/signed-out'

const signedIn = async (postern: TestApp) => {
  await postern.createAccount({ username: 'ada' })
  const client = await postern.createClient({
    scopes: ['openid'],
    redirectUris: [REDIRECT_URI],
    postLogoutRedirectUris: [SIGNED_OUT_URI],
    firstParty: true,
  })
  const browser = openBrowser(postern)
  const { url, codeVerifier } = authorizationRequest(client)
  const back = await browser.submit(await browser.visit(url), { username: 'ada', password: PASSWORD })
  const { body } = await redeem(postern, client, { code: answerOf(back).code ?? '', codeVerifier })
  const isSignedIn = async () => {
    const { left } = await browser.visit(authorizationRequest(client, { prompt: 'none' }).url)
    return left?.searchParams.has('code') ?? false
  }
  return { client, browser, tokens: body, isSignedIn }
}

const logoutUrl = (parameters: Record<string, string>): string =>
  `/oauth2/logout?${new URLSearchParams(parameters)}`

test('A hint of this very session signs out without asking, and ends every grant', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { client, browser, tokens, isSignedIn } = await signedIn(postern)
  const { left } = await browser.visit(
    logoutUrl({ id_token_hint: tokens.id_token, post_logout_redirect_uri: SIGNED_OUT_URI, state: 'a state' }),
  )
  t.equal(left?.href, `${SIGNED_OUT_URI}?state=a+state`)
  t.notOk(await isSignedIn())
  t.notOk(browser.cookies.has('postern'))
  const renewed = await postern.request('POST', '/oauth2/token', {
    basic: client,
    form: { grant_type: 'refresh_token', refresh_token: tokens.refresh_token },
  })
  t.equal(renewed.body.error, 'invalid_grant')
})

test('Without a hint that proves it, its user is asked', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { client, browser, isSignedIn } = await signedIn(postern)
  const asked = await browser.visit(
    logoutUrl({ client_id: client.clientId, post_logout_redirect_uri: SIGNED_OUT_URI }),
  )
  t.equal(asked.status, 200)
  t.equal(asked.left, null)
  t.ok(await isSignedIn(), 'nothing has ended yet')
  const { left } = await browser.submit(asked)
  t.equal(left?.href, SIGNED_OUT_URI)
  t.notOk(await isSignedIn())
})

test('What is not registered, or was not issued here, is said on a page and redirects nowhere', {
  skip,
}, async (t) => {
  const postern = await openTestApp(t)
  const { client, browser, tokens, isSignedIn } = await signedIn(postern)
  for (const parameters of [
    { id_token_hint: tokens.id_token, post_logout_redirect_uri: 'https://evil.example/' },
    { post_logout_redirect_uri: SIGNED_OUT_URI },
    { id_token_hint: `${tokens.id_token.slice(0, -4)}AAAA`, post_logout_redirect_uri: SIGNED_OUT_URI },
    { id_token_hint: tokens.access_token },
    { id_token_hint: tokens.id_token, client_id: 'another' },
    { client_id: 'nobody' },
  ]) {
    const page = await browser.visit(logoutUrl(parameters))
    t.equal(page.status, 400, JSON.stringify(Object.keys(parameters)))
    t.equal(page.left, null)
  }
  t.ok(await isSignedIn())
  t.equal((await browser.visit(logoutUrl({ client_id: client.clientId }))).status, 200)
})

test('A form of another site, or of another browser, signs nobody out', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { browser, isSignedIn } = await signedIn(postern)
  const asked = await browser.visit('/oauth2/logout')
  const foreign = await browser.submit(asked, {}, { headers: { origin: 'https://evil.example' } })
  t.equal(foreign.status, 403)
  const stranger = openBrowser(postern)
  const theirs = await stranger.visit('/oauth2/authorize')
  t.equal(theirs.status, 400)
  const forged = await browser.submit(asked, { csrf: 'test:forged' })
  t.equal(forged.status, 403)
  t.ok(await isSignedIn())
})
