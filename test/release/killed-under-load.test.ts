// A process that is killed at any moment has told nobody what is not stored. Statements are collected for many requests, so a
// kill finds some of them collected, some sent, some stored, and some answered. Fifty kills under load; after each, every
// answer that came is looked up: the audit event of that very request, and what it burned or noted.
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { newRecoveryCodes } from '../../src/authenticators/recovery-codes/recovery-code.ts'
import { openTestApp, TEST_ENCRYPTION_KEY, type TestApp } from '../support/app.ts'
import { type PosternProcess, startPostern } from '../support/postern-process.ts'
import { createDatabase, missingServer, sharedPostgres, startRedis } from '../support/servers.ts'
import { totpCode } from '../support/totp-code.ts'

const skip = missingServer('postgres') || missingServer('redis')

const KILLS = 50
const OF_EACH_KIND = 8

/** A request, and what must be in PostgreSQL if it has been answered with `status`. */
type Sent = {
  path: string
  headers: Record<string, string>
  body: string
  status: number
  event: string
  stored?: { text: string; id: string }
}
type Answered = { sent: Sent; status: number; requestId: string; text: string }

const BURNED = '$1::uuid IN (SELECT id FROM authenticators WHERE last_time_step > 0)'
const USED = '$1::uuid IN (SELECT id FROM recovery_codes WHERE used_at IS NOT NULL)'
const SIGNED_IN = '$1::text IN (SELECT subject FROM accounts WHERE last_login_at IS NOT NULL)'

const json = (
  path: string,
  authorization: string,
  body: object,
): Pick<Sent, 'path' | 'headers' | 'body'> => ({
  path,
  headers: { authorization, 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

const form = (
  authorization: string,
  body: Record<string, string>,
): Pick<Sent, 'path' | 'headers' | 'body'> => ({
  path: '/oauth2/token',
  headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(body).toString(),
})

const INSERT_CODE = `
  INSERT INTO recovery_codes (id, account_id, salt, code_hash, generated_at)
  VALUES ($1, $2, $3, $4, now())`

const FORGET = [
  'UPDATE authenticators SET last_time_step = 0, consecutive_failures = 0',
  'UPDATE recovery_codes SET used_at = NULL',
  'UPDATE accounts SET last_login_at = NULL WHERE client_id IS NOT NULL',
]

/** What stays from kill to kill: a client and its subjects, with factors and without. */
const openLoad = async (postern: TestApp) => {
  const client = await postern.createClient({
    scopes: ['challenges', 'openid', 'offline_access', 'postern:me'],
  })
  const basic = `Basic ${Buffer.from(`${client.clientId}:${client.secret}`).toString('base64')}`
  const { postgres, ephemeral } = postern.deps
  const open = async (subject: string) =>
    (await postern.request('POST', '/v1/challenges', { basic: client, body: { subject } })).body
  const subjects = async (prefix: string) => {
    const names = Array.from({ length: OF_EACH_KIND }, (_, index) => `${prefix}-${index}`)
    return Promise.all(
      names.map(async (subject) => {
        const { sub: id } = await open(subject)
        return { subject, id: id as string }
      }),
    )
  }
  const withTotp = async (prefix: string) =>
    Promise.all(
      (await subjects(prefix)).map(async (one) => ({ ...one, totp: await postern.enrollTotp(one) })),
    )
  const withCode = async (prefix: string) =>
    Promise.all(
      (await withTotp(prefix)).map(async (one) => {
        const { codes, stored } = newRecoveryCodes(postern.deps.randomBytes, 1)
        const [made] = stored
        if (!made) throw new Error('no recovery code')
        await postgres.query({ text: INSERT_CODE }, [made.id, one.id, made.salt, made.codeHash])
        return { ...one, code: codes[0] ?? '', codeId: made.id }
      }),
    )
  const right = await withTotp('right')
  const wrong = await withTotp('wrong')
  const coded = await withCode('coded')
  const opened = await withTotp('opened')
  const bare = await subjects('bare')
  const renewed = await subjects('renewed')

  /** The requests of one load, each used once. */
  return async (): Promise<Sent[]> => {
    postern.advance((Date.now() - postern.now().getTime()) / 1000)
    for (const text of FORGET) await postgres.query({ text })
    await Promise.all([...right, ...wrong, ...coded].map(({ id }) => ephemeral.budgets.clear(id)))
    const now = new Date()
    const verify = async (subject: string, method: string, code: string) => {
      const { challenge_token } = await open(subject)
      return json('/v1/challenges/verify', basic, { challenge_token, method, code })
    }
    const all = await Promise.all([
      ...right.map(async ({ subject, totp }) => ({
        ...(await verify(subject, 'totp', totpCode(totp.secret, now))),
        status: 200,
        event: 'challenge.passed',
        stored: { text: BURNED, id: totp.authenticatorId },
      })),
      ...coded.map(async ({ subject, code, codeId }) => ({
        ...(await verify(subject, 'recovery_code', code)),
        status: 200,
        event: 'challenge.passed',
        stored: { text: USED, id: codeId },
      })),
      ...wrong.map(async ({ subject }) => ({
        ...(await verify(subject, 'totp', '000000')),
        status: 401,
        event: 'challenge.failed',
      })),
      ...opened.map(async ({ subject }) => ({
        ...json('/v1/challenges', basic, { subject }),
        status: 200,
        event: 'primary_authentication.passed',
      })),
      ...bare.map(async ({ subject }) => ({
        ...json('/v1/challenges', basic, { subject }),
        status: 200,
        event: 'primary_authentication.passed',
        stored: { text: SIGNED_IN, id: subject },
      })),
      ...renewed.map(async ({ subject }) => {
        const { refresh_token } = await open(subject)
        return {
          ...form(basic, { grant_type: 'refresh_token', refresh_token }),
          status: 200,
          event: 'session.renewed',
        }
      }),
      ...bare.map(async () => ({
        ...form(basic, { grant_type: 'client_credentials' }),
        status: 200,
        event: 'client_token.issued',
      })),
    ])
    return all.toSorted(() => randomInt(3) - 1)
  }
}

/** Sends all at once, and kills the process when so many have been answered. Returns the answers that came. */
const killAfter = async (victim: PosternProcess, load: Sent[], count: number): Promise<Answered[]> => {
  const answered: Answered[] = []
  const { promise: enough, resolve } = Promise.withResolvers<void>()
  const sending = load.map(async (sent) => {
    const { path, headers, body } = sent
    const response = await fetch(`${victim.url}${path}`, { method: 'POST', headers, body })
    const text = await response.text()
    answered.push({
      sent,
      status: response.status,
      requestId: response.headers.get('x-request-id') ?? '',
      text,
    })
    if (answered.length >= count) resolve()
  })
  const ended = Promise.allSettled(sending)
  await Promise.race([enough, ended])
  // Anywhere in what follows the answer: the next statements are being collected, sent and committed.
  if (randomInt(2) === 1) await sleep(randomInt(5))
  await victim.kill()
  await ended
  return answered
}

const expectStored = async (
  t: Test,
  { deps: { postgres } }: TestApp,
  answered: Answered[],
): Promise<void> => {
  for (const { sent, status, requestId, text } of answered) {
    if (status !== sent.status) t.fail(`${sent.path} is answered ${status}: ${text}`)
    const event = 'SELECT count(*) AS found FROM audit_events WHERE request_id = $1 AND event = $2'
    const [row] = await postgres.query<{ found: number }>({ text: event }, [requestId, sent.event])
    if (row?.found !== 1) t.fail(`${sent.path} is answered, and ${row?.found} ${sent.event} are recorded`)
    if (!sent.stored) continue
    const [stored] = await postgres.query<{ is: boolean }>({ text: `SELECT ${sent.stored.text} AS is` }, [
      sent.stored.id,
    ])
    if (!stored?.is) t.fail(`${sent.path} is answered, and not stored`)
  }
}

t.test('what a killed process has answered is stored', { skip, timeout: 600_000 }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const databaseUrl = await createDatabase(await sharedPostgres())
  const postern = await openTestApp(t, { databaseUrl, redisUrl: redis.url, redisKeyPrefix: 'postern:' })
  const nextLoad = await openLoad(postern)
  const start = () =>
    startPostern({
      DATABASE_URL: databaseUrl,
      REDIS_URL: redis.url,
      POSTERN_ENCRYPTION_KEYS: TEST_ENCRYPTION_KEY,
      POSTERN_RATE_LIMIT: '0',
      LOG_LEVEL: 'silent',
    })

  let next = start()
  const totals = { answered: 0, unanswered: 0 }
  for (let kill = 0; kill < KILLS; kill += 1) {
    const victim = await next
    const load = await nextLoad()
    if (kill + 1 < KILLS) next = start()
    const answered = await killAfter(victim, load, randomInt(1, load.length))
    await expectStored(t, postern, answered)
    totals.answered += answered.length
    totals.unanswered += load.length - answered.length
  }
  t.comment(JSON.stringify(totals))
  t.ok(totals.answered > 10 * KILLS, 'many were answered')
  t.ok(totals.unanswered > 5 * KILLS, 'and many were not')
})
