// Redis or PostgreSQL away at every step of a browser's way: a page that says so, in time, never a pass; and afterwards
// the way goes on where it was.
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { openBrowser, type Visited } from '../support/form-browser.ts'
import { answerOf, authorizationRequest, REDIRECT_URI, redeem } from '../support/oidc-client.ts'
import { createDatabase, missingServer, startPostgres, startRedis } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const LIMIT_MS = 2_000

const untilReady = async (postern: TestApp) => {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(100)) {
    if ((await postern.request('GET', '/readyz')).status === 200) return
  }
  throw new Error('did not recover')
}

/** Each step of a sign-in, as a function that can be tried again. */
const walk = async (
  postern: TestApp,
  outage: (step: () => Promise<Visited>, name: string) => Promise<void>,
) => {
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const members = { scopes: ['openid'], redirectUris: [REDIRECT_URI], firstParty: false }
  const client = await postern.createClient(members)
  const browser = openBrowser(postern)
  const { url, codeVerifier } = authorizationRequest(client)

  const start = await browser.visit(url)
  const signIn = () => browser.submit(start, { username: account.username, password: PASSWORD })
  await outage(signIn, 'the password')
  const asked = await signIn()
  const answer = () => browser.submit(asked, { code: totp.code() })
  await outage(answer, 'the second factor')
  // An attempt that could not be evaluated was given back, with the code.
  const consent = await answer()
  const allow = () => browser.submit(consent, { decision: 'allow' })
  await outage(allow, 'the consent')
  const { code = '' } = answerOf(await allow())
  const exchange = async (): Promise<Visited> => {
    const { status, text, headers } = await redeem(postern, client, { code, codeVerifier })
    return { status, html: text, headers, url: '', forms: [], heading: '', left: null }
  }
  return { exchange, authorize: () => browser.visit(authorizationRequest(client).url), browser }
}

const expectAway = async (t: Test, step: () => Promise<Visited>, name: string) => {
  const began = performance.now()
  const page = await step()
  t.ok(performance.now() - began < LIMIT_MS, `${name}: within 2 s`)
  t.equal(page.status, 503, name)
  t.equal(page.left, null, `${name}: never a pass`)
  t.ok(Number(page.headers['retry-after']) >= 1, `${name} says when to come back`)
}

t.test('Redis is away at each step', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const postern = await openTestApp(t, { redisUrl: redis.url })
  const away = async (step: () => Promise<Visited>, name: string) => {
    redis.pause()
    await expectAway(t, step, name)
    redis.resume()
    await untilReady(postern)
  }
  const { exchange, authorize, browser } = await walk(postern, away)
  await away(authorize, 'a code for a live session')
  t.ok(answerOf(await authorize()).code)
  await away(exchange, 'the code')
  // What Redis was asked before it fell silent it does when it is back: the code may have been used by then, and is used
  // once. The session is there, so that the application gets another without a page.
  t.ok([200, 400].includes((await exchange()).status))
  t.ok(answerOf(await authorize()).code)
  await away(() => browser.visit('/oauth2/logout'), 'the logout')
})

t.test('PostgreSQL is away at each step', { skip }, async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.stop())
  const postern = await openTestApp(t, { databaseUrl: await createDatabase(postgres) })
  const away = async (step: () => Promise<Visited>, name: string) => {
    postgres.pause()
    await expectAway(t, step, name)
    postgres.resume()
    await untilReady(postern)
  }
  const { exchange, authorize } = await walk(postern, away)
  await away(authorize, 'a code for a live session')
  t.equal((await exchange()).status, 200)
})
