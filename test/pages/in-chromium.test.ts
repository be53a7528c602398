// The whole way in Chromium, over a running Postern, with script and without it: what goes wrong on it, and how it ends well.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { PASSWORD } from '../support/app.ts'
import { missingBrowser, openBrowser } from '../support/browser.ts'
import { authorizationRequest } from '../support/oidc-client.ts'
import { type RunningPostern, runPosternFor } from '../support/running-postern.ts'
import { missingServer } from '../support/servers.ts'
import { totpCode } from '../support/totp-code.ts'

const skip = missingServer('postgres') || missingServer('redis') || missingBrowser()

/** An application that shows what it is sent. */
const openApplication = async (t: Test): Promise<string> => {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<h1>The application</h1>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
}

const fill = async (page: Page, fields: Record<string, string>): Promise<void> => {
  for (const [name, value] of Object.entries(fields))
    await page.fill(`main form:first-of-type [name="${name}"]`, value)
}

const submit = (page: Page): Promise<void> => page.click('main form:first-of-type button[type="submit"]')

/** Script sends a code as soon as it is complete. */
const enterCode = async (page: Page, code: string, script: 'with' | 'without'): Promise<void> => {
  const arrived = page.waitForNavigation()
  await fill(page, { code })
  if (script === 'without') await submit(page)
  await arrived
}

const signIn = async (
  t: Test,
  postern: RunningPostern,
  { redirectUri, script }: { redirectUri: string; script: 'with' | 'without' },
): Promise<void> => {
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const client = await postern.registerClient({
    redirect_uris: [redirectUri],
    scopes: ['openid'],
    first_party: false,
  })
  const browser = await openBrowser()
  t.teardown(() => browser.close())
  const context = await browser.newContext({ javaScriptEnabled: script === 'with', locale: 'en' })
  const page = await context.newPage()
  const { url } = authorizationRequest(client, { redirect_uri: redirectUri })
  await page.goto(postern.issuer + url)

  await fill(page, { username: account.username, password: 'a wrong password' })
  await submit(page)
  t.match(await page.textContent('[role="alert"]'), /password/i, 'what is wrong is said')
  t.match(await page.title(), /^Error/, 'and first of all')
  t.equal(await page.inputValue('[name="username"]'), account.username, 'the name is kept')
  await fill(page, { password: PASSWORD })
  await submit(page)

  await page.waitForSelector('[autocomplete="one-time-code"]')
  await enterCode(page, '000000', script)
  t.match(await page.textContent('main'), /4 attempts/, 'how many attempts are left')
  const code = totpCode(totp.secret, new Date())
  await enterCode(page, `${code.slice(0, 3)} ${code.slice(3)}`, script)
  await page.waitForSelector('[name="decision"]')
  await page.click('[name="decision"][value="allow"]')
  await page.waitForURL(`${redirectUri}?**`)
  t.ok(new URL(page.url()).searchParams.get('code'))

  await page.goto(`${postern.issuer}/account`)
  t.match(await page.textContent('main'), account.username)
  await page.goto(`${postern.issuer}/oauth2/logout`)
  await submit(page)
  t.match(await page.textContent('h1'), /signed out/)
  await page.goto(`${postern.issuer}/account`)
  t.match(page.url(), '/sign-in')
  await page.goto(`${postern.issuer}/oauth2/authorize?client_id=nobody`)
  t.match(await page.textContent('main'), /client_id/, 'an integrator reads what is wrong')
}

for (const script of ['with', 'without'] as const) {
  t.test(`a person signs in and out in Chromium, ${script} script`, { skip }, async (t) => {
    const postern = await runPosternFor(t)
    await signIn(t, postern, { redirectUri: await openApplication(t), script })
  })
}
