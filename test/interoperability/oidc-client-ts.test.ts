// oidc-client-ts, which single-page applications use, in Chromium: https://github.com/authts/oidc-client-ts
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { type Test, test } from 'tap'
import { PASSWORD } from '../support/app.ts'
import { missingBrowser, openBrowser } from '../support/browser.ts'
import { claimsOf } from '../support/oidc-client.ts'
import { createUser, type RunningPostern, runPosternFor, type User } from '../support/running-postern.ts'
import { freePort } from '../support/server-process.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis') || missingBrowser()

const LIBRARY = new URL('../browser/oidc-client-ts.min.js', import.meta.resolve('oidc-client-ts'))

/** The application: each of its pages has the library, its settings, and what the library makes of the page's URL. */
const pageOf = (settings: object, dpop: string): string => `<!doctype html><title>Application</title>
<script src="/library.js"></script>
<script>
  const manager = new oidc.UserManager({ ...${JSON.stringify(settings)}, ${dpop} })
  const orMessage = ({ error, message }) => ({ error, message })
  const user = location.pathname === '/signed-in' ? manager.signinCallback().catch(orMessage) : manager.getUser()
  const signedOut = location.pathname === '/signed-out' ? manager.signoutCallback().catch(orMessage) : null
</script>`

/** Another host than Postern's, so that the two share no cookies. */
const serveApplication = async (
  t: Test,
  postern: RunningPostern,
  tokens: 'bearer' | 'bound to a key' = 'bearer',
): Promise<string> => {
  const isBound = tokens === 'bound to a key'
  const library = readFileSync(fileURLToPath(LIBRARY))
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const [redirect_uri, post_logout_redirect_uri] = [`${origin}/signed-in`, `${origin}/signed-out`]
  const { clientId: client_id } = await postern.registerClient({
    token_endpoint_auth_method: 'none',
    redirect_uris: [redirect_uri],
    post_logout_redirect_uris: [post_logout_redirect_uri],
    web_origins: [origin],
    scopes: ['openid', 'profile'],
    dpop_bound_access_tokens: isBound,
  })
  const settings = {
    authority: postern.issuer,
    client_id,
    redirect_uri,
    post_logout_redirect_uri,
    scope: 'openid profile',
    // The library asks userinfo with bearer tokens only.
    loadUserInfo: !isBound,
  }
  const bound = 'dpop: { bind_authorization_code: true, store: new oidc.IndexedDbDPoPStore() }'
  const html = pageOf(settings, isBound ? bound : '')
  const server = createServer((request, answer) => {
    const isLibrary = request.url === '/library.js'
    answer.setHeader('content-type', isLibrary ? 'text/javascript' : 'text/html; charset=utf-8')
    answer.end(isLibrary ? library : html)
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return origin
}

const openPage = async (t: Test): Promise<Page> => {
  const browser = await openBrowser()
  t.teardown(() => browser.close())
  return browser.newPage()
}

/** Runs script of the application that leaves for Postern. */
const leave = async (page: Page, { issuer }: RunningPostern, script: string): Promise<void> => {
  const left = page.waitForURL(`${issuer}/**`)
  await page.evaluate(`void ${script}`)
  await left
}

const signIn = async (page: Page, user: User): Promise<void> => {
  await page.fill('input[name=username]', user.username)
  await page.fill('input[name=password]', PASSWORD)
  await page.keyboard.press('Enter')
  const field = page.locator('input[autocomplete=one-time-code]')
  await field.waitFor()
  // The page sends the form when the code is whole.
  await field.pressSequentially(user.nextCode())
  await page.waitForURL('http://127.0.0.1:*/**')
}

type Found = {
  error?: string
  message?: string
  profile: Record<string, unknown>
  id_token: string
  refresh_token: string
  access_token: string
}
const found = (page: Page, script = 'user'): Promise<Found> => page.evaluate(script)

test('oidc-client-ts signs in, renews, steps up and signs out', { skip }, async (t) => {
  const postern = await runPosternFor(t)
  const origin = await serveApplication(t, postern)
  const user = await createUser(postern)
  const page = await openPage(t)

  await page.goto(origin)
  await leave(page, postern, 'manager.signinRedirect()')
  await signIn(page, user)
  const signedIn = await found(page)
  const claims = claimsOf(signedIn.id_token)
  t.match(claims, { sub: user.id, acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
  t.equal(signedIn.profile.preferred_username, user.username, 'as userinfo says')

  const renewed = await found(page, 'manager.signinSilent()')
  t.match(claimsOf(renewed.id_token), { sub: user.id, sid: claims.sid })
  t.not(renewed.refresh_token, signedIn.refresh_token)

  await leave(page, postern, `manager.signinRedirect({ acr_values: 'aal2', max_age: 0 })`)
  await signIn(page, user)
  const steppedUp = await found(page)
  t.match(claimsOf(steppedUp.id_token), { sub: user.id, acr: 'aal2', sid: claims.sid })

  const back = page.waitForURL(`${origin}/signed-out*`)
  await page.evaluate('void manager.signoutRedirect({ state: "of the application" })')
  await back
  t.match(await page.evaluate('signedOut'), { userState: 'of the application' })
  t.equal(await found(page), null)
  const { headers, data, status } = await page.evaluate<{ headers: string; data: object; status: number }>(
    `fetch(${JSON.stringify(`${postern.issuer}/oauth2/userinfo`)}, {
       headers: { authorization: 'Bearer ${steppedUp.access_token}' },
     }).then(async (answer) => ({
       headers: answer.headers.get('www-authenticate'), data: await answer.json(), status: answer.status,
     }))`,
  )
  t.match({ headers, data, status }, { headers: /^Bearer/, data: { error: 'invalid_token' }, status: 401 })
})

test('oidc-client-ts refuses what is not the answer to its request, and says what Postern says', {
  skip,
}, async (t) => {
  const postern = await runPosternFor(t)
  const origin = await serveApplication(t, postern)
  const page = await openPage(t)

  await page.goto(origin)
  const back = page.waitForURL(`${origin}/signed-in*`)
  await page.evaluate(`void manager.signinRedirect({ prompt: 'none' })`)
  await back
  t.match(await found(page), { error: 'login_required' })

  await page.goto(`${origin}/signed-in?code=pst_ac_of-somebody&state=another`)
  t.match(await found(page), { message: /state/ })
})

/** Asks userinfo with a proof, and once more with the nonce that the answer names (RFC 9449 9). */
const READ_USERINFO = (url: string): string => `user.then(async (user) => {
  const ask = async (nonce) => fetch(${JSON.stringify(url)}, {
    headers: {
      authorization: 'DPoP ' + user.access_token,
      dpop: await manager.dpopProof(${JSON.stringify(url)}, user, 'GET', nonce),
    },
  })
  const first = await ask()
  const answer = first.ok ? first : await ask(first.headers.get('dpop-nonce'))
  return answer.json()
})`

test('oidc-client-ts binds its tokens to a key of the browser', { skip }, async (t) => {
  const postern = await runPosternFor(t)
  const origin = await serveApplication(t, postern, 'bound to a key')
  const user = await createUser(postern)
  const page = await openPage(t)

  await page.goto(origin)
  await leave(page, postern, 'manager.signinRedirect()')
  await signIn(page, user)
  const signedIn = await found(page)
  t.equal(claimsOf(signedIn.id_token).sub, user.id)
  const { jkt } = claimsOf(signedIn.access_token).cnf
  t.match(jkt, /^[\w-]{43}$/)
  const userinfo = await page.evaluate(READ_USERINFO(`${postern.issuer}/oauth2/userinfo`))
  t.match(userinfo, { sub: user.id, preferred_username: user.username })
  const renewed = await found(page, 'manager.signinSilent()')
  t.equal(claimsOf(renewed.access_token).cnf.jkt, jkt)
})
