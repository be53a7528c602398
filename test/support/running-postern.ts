// A Postern that listens on loopback, for programs that know it by its URL alone, and the browsers of its users.
import type { Test } from 'tap'
import { request } from 'undici'
import { createClient } from '../../src/administration/clients/create-client.ts'
import { NewClient, toWantedClient } from '../../src/administration/clients/schemas.ts'
import { systemOrigin } from '../../src/audit/event.ts'
import { validated } from '../../src/wire/validation.ts'
import { openTestApp, PASSWORD, TEST_ENCRYPTION_KEY, type TestApp } from './app.ts'
import { type Browser, openBrowserThrough, type Send, type Visited } from './form-browser.ts'
import { startPostern } from './postern-process.ts'
import { freePort } from './server-process.ts'
import { createDatabase, sharedPostgres, startRedis } from './servers.ts'
import { totpCode } from './totp-code.ts'

/** What two processes have to agree on, besides the servers. */
const REDIS_KEY_PREFIX = 'postern:'

export type RunningPostern = {
  issuer: string
  /** Registers one, as an administrator would; first-party where nothing else is said. */
  registerClient: (client: Omit<NewClient, 'name'>) => Promise<{ clientId: string; secret: string }>
} & Pick<TestApp, 'createAccount' | 'enrollTotp'>

/** Runs `postern serve` until `t` ends. What is created, is created in its database by this process. */
export const runPosternFor = async (
  t: Test,
  environment: Record<string, string> = {},
): Promise<RunningPostern> => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const databaseUrl = await createDatabase(await sharedPostgres())
  const setUp = await openTestApp(t, { databaseUrl, redisUrl: redis.url, redisKeyPrefix: REDIS_KEY_PREFIX })
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const postern = await startPostern({
    PORT: `${port}`,
    POSTERN_ISSUER: issuer,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    POSTERN_ENCRYPTION_KEYS: TEST_ENCRYPTION_KEY,
    POSTERN_RATE_LIMIT: '0',
    ...environment,
  })
  t.teardown(() => postern.stop())
  const { createAccount, enrollTotp } = setUp
  return {
    issuer,
    createAccount,
    enrollTotp,
    async registerClient(members) {
      const wanted = validated(NewClient, { name: 'Application', first_party: true, ...members })
      const { client, secret } = await createClient(
        setUp.deps,
        systemOrigin(new Date()),
        toWantedClient(wanted),
      )
      return { clientId: client.clientId, secret: secret ?? '' }
    },
  }
}

const sendOverHttp: Send = async (method, url, { headers, payload = null }) => {
  // `fetch` would say that a script asks, of which some applications think otherwise than of a person.
  const navigating = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  const answer = await request(url, { method, headers: { ...navigating, ...headers }, body: payload })
  return {
    statusCode: answer.statusCode,
    headers: answer.headers,
    body: await answer.body.text(),
    cookies: [answer.headers['set-cookie'] ?? []].flat().map(readCookie),
  }
}

const readCookie = (header: string): { name: string; value: string; maxAge?: number; expires?: Date } => {
  const [pair = '', ...attributes] = header.split(/; */)
  const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(pair) ?? []
  const of = (attribute: string) =>
    attributes.find((one) => one.toLowerCase().startsWith(`${attribute}=`))?.slice(attribute.length + 1)
  const [maxAge, expires] = [of('max-age'), of('expires')]
  return {
    name,
    value,
    ...(maxAge !== undefined && { maxAge: Number(maxAge) }),
    ...(expires !== undefined && { expires: new Date(expires) }),
  }
}

/** A browser that follows redirects within these origins, and stops where it would leave them. */
export const openHttpBrowser = (origins: [string, ...string[]]): Browser =>
  openBrowserThrough(origins, sendOverHttp)

export type User = {
  id: string
  username: string
  /** Of the authenticator app; each time it is asked, the code of a later time step. */
  nextCode(): string
  browser: Browser
  /** Answers the sign-in page with the password, and the page after it with a code. */
  signIn(page: Visited): Promise<Visited>
}

const STEP_MS = 30_000

/** A user with an authenticator app, and a browser that stays at Postern and at `applications`. */
export const createUser = async (postern: RunningPostern, ...applications: string[]): Promise<User> => {
  const account = await postern.createAccount()
  const { secret } = await postern.enrollTotp(account)
  const browser = openHttpBrowser([postern.issuer, ...applications])
  // Postern takes the code of the next step as well: two of them need no waiting.
  let codes = 0
  const nextCode = () => totpCode(secret, new Date(Date.now() + STEP_MS * codes++))
  return {
    id: account.id,
    username: account.username,
    nextCode,
    browser,
    async signIn(page) {
      const asked = await browser.submit(page, { username: account.username, password: PASSWORD })
      return browser.submit(asked, { code: nextCode() })
    },
  }
}

/** Where an application's user has been sent back to. */
export const returnedTo = ({ left, url, heading, html }: Visited): URL => {
  if (left) return left
  throw new Error(`the browser has not left Postern: "${heading}" at ${url}\n${html.slice(0, 500)}`)
}

/** What a library refuses to go on with; an error of its own kind, that says what is wrong in members of its own. */
export const refusalOf = (result: Promise<unknown>): Promise<unknown> =>
  result.then(
    () => 'it was not refused',
    (error) => error,
  )
