// A database of a size, filled and served, with an administrator and others who are signed in.
import { decodeBase32, totpCode } from '../test/support/totp-code.ts'
import { openBench } from './prepare.ts'
import { ALL_CORES, PROGRAMS, startUnderTest } from './processes.ts'
import type { Filled } from './scale-cases.ts'
import { fill, PASSWORD, type Progress, type Size } from './scale-fill.ts'

const ADMINISTRATOR = { username: 'bench-administrator', password: 'the password of an administrator' }
/** Access tokens are good for ten minutes. */
const RENEW_AFTER_MS = 240_000

type Tokens = { access_token: string; refresh_token: string }

type Answer = Record<string, string>

const request = async (url: string, init: RequestInit): Promise<Answer> => {
  const answer = await fetch(url, init)
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  const body: Answer = JSON.parse(await answer.text())
  return body
}

const post = (url: string, body: object, bearer?: string) =>
  request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }) },
    body: JSON.stringify(body),
  })

const tokensOf = ({ access_token, refresh_token }: Answer): Tokens => {
  if (!access_token || !refresh_token) throw new Error('not signed in')
  return { access_token, refresh_token }
}

const enroll = async (url: string): Promise<Tokens> => {
  const { enrollment_token: token = '' } = await post(`${url}/v1/login`, ADMINISTRATOR)
  const { id, secret = '' } = await post(`${url}/v1/me/authenticators/totp`, {}, token)
  const code = totpCode(decodeBase32(secret), new Date())
  return tokensOf(await post(`${url}/v1/me/authenticators/${id}/confirm`, { code }, token))
}

const renewed = async (url: string, { refresh_token }: Tokens): Promise<Tokens> => {
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token, client_id: 'postern' })
  return tokensOf(await request(`${url}/oauth2/token`, { method: 'POST', body }))
}

// Spread over all of them; each signs in a few times at most.
const SOME = {
  text: `
    SELECT id, username, email
      FROM accounts
     WHERE client_id IS NULL AND enrolled_authenticators = 0 AND status = 'active' AND username LIKE '%.%'
     ORDER BY md5(id::text)
     LIMIT 200`,
}
const BUSIEST = {
  text: `
    UPDATE accounts
       SET enrolled_authenticators = 0, client_id = NULL, subject = NULL, username = 'bench-busiest', username_key = 'bench-busiest'
     WHERE id = (SELECT id FROM accounts WHERE username LIKE '%.%' ORDER BY id LIMIT 1)
    RETURNING id`,
}
const MIDDLE = {
  text: `
    SELECT e.occurred_at AS "occurredAt", e.id AS "eventId",
           (SELECT id FROM accounts WHERE created_at >= now() - $1 * interval '1 second' ORDER BY id LIMIT 1) AS "accountId"
      FROM audit_events AS e
     WHERE e.occurred_at < now() - interval '180 days'
     ORDER BY e.occurred_at DESC
     LIMIT 1`,
}

const first = <Row>(rows: Row[]): Row => {
  const [row] = rows
  if (row === undefined) throw new Error('the database is not filled')
  return row
}

/** Fills the database and serves it. */
export const openFilled = async (
  { databaseUrl, redisUrl }: { databaseUrl: string; redisUrl: string },
  size: Size,
  { requests, progress }: { requests: number; progress: Progress },
): Promise<Filled> => {
  const environment = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    POSTERN_ENCRYPTION_KEYS: `bench:${Buffer.alloc(32, 7).toString('base64')}`,
    POSTERN_ADMIN_USERNAME: ADMINISTRATOR.username,
    POSTERN_ADMIN_PASSWORD: ADMINISTRATOR.password,
    POSTERN_RATE_LIMIT: '0',
    LOG_LEVEL: 'warn',
  }
  const server = await startUnderTest(PROGRAMS.postern, environment, { cores: ALL_CORES })
  const bench = await openBench(environment, Math.max(20, requests))
  const { postgres, passwords } = bench.deps
  await fill(databaseUrl, size, { passwordHash: await passwords.hash(PASSWORD), progress })

  const some = await postgres.query<Filled['some'][number]>(SOME)
  const busiestId = first(await postgres.query<{ id: string }>(BUSIEST)).id
  const middle = first(await postgres.query<Filled['middle']>(MIDDLE, [size.accounts / 2]))
  const url = server.url
  const signIn = async () =>
    tokensOf(await post(`${url}/v1/login`, { username: 'bench-busiest', password: PASSWORD }))
  let tokens = { administrator: await enroll(url), busiest: await signIn() }
  let renewedAt = performance.now()
  return {
    accounts: size.accounts,
    port: server.port,
    bench,
    get bearers() {
      return { administrator: tokens.administrator.access_token, busiest: tokens.busiest.access_token }
    },
    busiestId,
    some,
    middle,
    async renew() {
      if (performance.now() - renewedAt < RENEW_AFTER_MS) return
      tokens = {
        administrator: await renewed(url, tokens.administrator),
        busiest: await renewed(url, tokens.busiest),
      }
      renewedAt = performance.now()
    },
    async close() {
      await server.stop()
      await bench.deps.close()
    },
  }
}
