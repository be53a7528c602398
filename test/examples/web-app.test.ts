// The example application, run as its readers run it, with a browser between it and Postern.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { openBrowser, type Visited } from '../support/form-browser.ts'
import { freePort } from '../support/server-process.ts'
import { missingServer } from '../support/servers.ts'
import { startWebApp } from '../support/web-app.ts'

const skip = missingServer('postgres') || missingServer('redis')
const APP = fileURLToPath(new URL('../../examples/web-app/app.js', import.meta.url))

/** Postern, the application that is registered with it, and a browser. */
const openStage = async (t: Test, environment: Record<string, string> = {}) => {
  const [port, webAppPort] = [await freePort(), await freePort()]
  const issuer = `http://localhost:${port}`
  const postern = await openTestApp(t, { environment: { POSTERN_ISSUER: issuer } })
  await postern.app.listen({ host: '127.0.0.1', port })
  const url = `http://localhost:${webAppPort}`
  const client = await postern.createClient({
    redirectUris: [`${url}/callback`],
    postLogoutRedirectUris: [`${url}/`],
    scopes: ['openid', 'profile', 'email'],
    firstParty: true,
  })
  const webApp = await startWebApp(t, webAppPort, {
    POSTERN_ISSUER: issuer,
    CLIENT_ID: client.clientId,
    CLIENT_SECRET: client.secret,
    ...environment,
  })
  return { postern, webApp, browser: openBrowser(postern) }
}

const leftFor = ({ left, heading, status }: Visited): string => {
  if (!left) throw new Error(`the browser is still at Postern: ${status} ${heading}`)
  return left.pathname + left.search
}

/** Signs `username` in with the password alone; returns the page that it ends on. */
const signIn = async ({ webApp, browser }: Awaited<ReturnType<typeof openStage>>, username: string) => {
  const { location } = await webApp.get('/sign-in')
  const asked = await browser.visit(location ?? '')
  const back = await browser.submit(asked, { username, password: PASSWORD })
  const answered = await webApp.get(leftFor(back))
  return webApp.get(answered.location ?? '')
}

test('The example signs in, shows the claims, renews and signs out', { skip }, async (t) => {
  const stage = await openStage(t)
  const { postern, webApp, browser } = stage
  const account = await postern.createAccount({ claims: { given_name: '<b>Ada</b>' } })
  t.match((await webApp.get('/')).text, /Sign in/)

  const before = await webApp.get('/sign-in').then(() => webApp.cookie())
  const home = await signIn(stage, account.username)
  t.match(home.text, /with one factor/)
  t.match(home.text, new RegExp(account.id))
  t.ok(home.text.includes('&lt;b&gt;Ada&lt;/b&gt;'), 'what people are called is escaped')
  t.not(webApp.cookie(), before, 'the session of who has signed in is a new one')
  t.match(home.headers.get('content-security-policy'), /default-src 'none'/)

  t.equal((await webApp.post('/renew', 'https://evil.example')).status, 403)
  t.equal((await webApp.post('/renew')).location, '/')
  t.equal((await webApp.post('/renew')).location, '/', 'each renewal has the token of the one before')

  const { location } = await webApp.post('/sign-out')
  const signedOut = await browser.visit(location ?? '')
  t.equal(signedOut.left?.href, `${webApp.url}/`, 'Postern sends the browser back, without asking')
  t.match((await webApp.get('/')).text, /Sign in/)
  const again = await browser.visit((await webApp.get('/sign-in')).location ?? '')
  t.match(again.html, /name="password"/, 'signed out at Postern too')
})

test('The dangerous button asks for a second factor, and for nothing where it is fresh', {
  skip,
}, async (t) => {
  const stage = await openStage(t)
  const { postern, webApp, browser } = stage
  const account = await postern.createAccount()
  await signIn(stage, account.username)
  const totp = await postern.enrollTotp(account)

  const asked = await browser.visit((await webApp.post('/danger')).location ?? '')
  t.match(asked.html, /one-time-code/)
  const back = await browser.submit(asked, { code: totp.code() })
  t.equal((await webApp.get(leftFor(back))).location, '/danger')
  t.match((await webApp.get('/danger')).text, /You have confirmed that it is you/)
  t.match((await webApp.post('/danger')).text, /Everything is deleted/)

  const fresh = await browser.visit((await webApp.post('/danger')).location ?? '')
  t.equal(
    (await webApp.get(leftFor(fresh))).location,
    '/danger',
    'a confirmation is good once; this one needs no page',
  )
})

test('The dangerous button asks again where the sign-in is too old', { skip }, async (t) => {
  const stage = await openStage(t, { STEP_UP_MAX_AGE: '0' })
  const { postern, webApp, browser } = stage
  const account = await postern.createAccount()
  await signIn(stage, account.username)
  const asked = await browser.visit((await webApp.post('/danger')).location ?? '')
  t.match(asked.html, /name="password"/)
})

test('What was not begun in this browser, or is refused, ends in a page', { skip }, async (t) => {
  const stage = await openStage(t)
  const { postern, webApp } = stage
  t.equal((await webApp.get('/callback?code=pst_ac_x&state=stranger')).status, 400)
  const { location } = await webApp.get('/sign-in')
  const { searchParams } = new URL(location ?? '')
  const refused = new URLSearchParams({
    error: 'access_denied',
    error_description: '<script>',
    state: searchParams.get('state') ?? '',
    iss: postern.config.issuer,
  })
  const page = await webApp.get(`/callback?${refused}`)
  t.equal(page.status, 400)
  t.match(page.text, /Signing in failed/)

  const account = await postern.createAccount()
  await signIn(stage, account.username)
  await endSessions(postern, account.id)
  t.match((await webApp.post('/renew')).text, /Sign in again/)
})

const endSessions = async (postern: TestApp, accountId: string): Promise<void> => {
  await postern.deps.ephemeral.sessions.endAll(accountId, null, postern.now().getTime())
}

test('Without a client it says how to register one', async (t) => {
  const run = promisify(execFile)
  const env = { ...process.env, CLIENT_ID: '', CLIENT_SECRET: '' }
  await t.rejects(run(process.execPath, [APP], { env }), {
    code: 1,
    stderr: /client create 'Web app' --redirect-uri http:\/\/localhost:3000\/callback/,
  })
})
