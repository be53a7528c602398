import { Redis } from 'ioredis'
import t from 'tap'
import { openTestApp, PASSWORD, TEST_ENCRYPTION_KEY } from './support/app.ts'
import { startPostern } from './support/postern-process.ts'
import { openSocket, sendRaw } from './support/raw-http.ts'
import { createDatabase, missingServer, sharedPostgres, startRedis } from './support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const ALL_ROWS = (table: string) => ({
  name: `test_all_${table}`,
  text: `SELECT row_to_json(r)::text AS row FROM ${table} AS r`,
})
const TABLES = {
  name: 'test_tables',
  text: `SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace`,
}

/** A secret as it is, and as its bytes might be written: in numbers, hex and base64, wherever they begin in it. */
const formsOf = (secret: string): string[] => {
  const bytes = Buffer.from(secret)
  const base64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(before && before + 1, Math.floor(((before + bytes.length) * 8) / 6)),
  )
  const hex = bytes.toString('hex')
  const base64url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  return [secret, bytes.join(','), bytes.join(', '), hex, hex.toUpperCase(), ...base64, ...base64url]
}

/** Requests that never become one, with secrets in them: what an HTTP parser would show whoever looks for its error. */
const sendMalformed = async (url: string): Promise<void> => {
  const port = Number(new URL(url).port)
  const login = 'POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
  const password = '{"username":"canary-malformed-name","password":"canary-malformed-password"}'
  const basic = `Authorization: Basic ${btoa('canary-malformed-client:canary-malformed-secret')}\r\n`
  for (const malformed of [
    `${login}Content-Length: 1\r\nContent-Length: 2\r\n${basic}\r\n${password}`,
    `${login}${basic}Transfer-Encoding: chunked\r\n\r\n${password}\r\n`,
    `${login}${basic}nonsense\r\n\r\n${password}`,
    `${login}${basic}X-Long: ${'a'.repeat(20_000)}\r\n\r\n${password}`,
    `${password}\r\n\r\n`,
    `GET /v1/login?password=canary-malformed-password%zz HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n`,
    `GET /%zz/canary-malformed-password HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n`,
  ]) {
    await sendRaw(port, malformed)
  }
  const { socket, closed } = await openSocket(port)
  socket.end(`${login}${basic}Content-Length: 500\r\n\r\n${password}`)
  await closed
}

t.test('a secret is found in whatever form it is written', async (t) => {
  const secret = 'canary-wrong-password'
  for (const before of ['', 'a', 'ab', 'abc']) {
    const packet = Buffer.from(`${before}${secret}"}`)
    for (const written of [
      JSON.stringify({ rawPacket: packet }),
      JSON.stringify([...packet], null, 1).replaceAll('\n', ''),
      packet.toString('base64'),
      packet.toString('base64url'),
      packet.toString('hex'),
    ]) {
      t.ok(
        formsOf(secret).some((form) => written.includes(form)),
        written,
      )
    }
  }
})

t.test('no secret is in the log, the audit, PostgreSQL or Redis', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const databaseUrl = await createDatabase(await sharedPostgres())
  const setUp = await openTestApp(t, { databaseUrl, redisUrl: redis.url, redisKeyPrefix: 'postern:' })
  const account = await setUp.createAccount({ roles: ['admin'] })
  const totp = await setUp.enrollTotp(account)
  const client = await setUp.createClient()
  const postern = await startPostern({
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    POSTERN_ENCRYPTION_KEYS: TEST_ENCRYPTION_KEY,
    LOG_LEVEL: 'trace',
  })

  const send = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const init = {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    }
    const response = await fetch(postern.url + path, init)
    return (await response.json()) as Record<string, string>
  }
  const { username } = account
  const basic = `Basic ${Buffer.from(`${client.clientId}:${client.secret}`).toString('base64')}`
  const wrongCode = totp.code() === '135790' ? '135791' : '135790'

  await send('/v1/login', { username, password: 'canary-wrong-password' })
  await send('/v1/login', { username: 'canary-user-name', password: 'canary-wrong-password' })
  await send('/v1/login', { username, password: ['canary-wrong-password'] })
  await fetch(`${postern.url}/v1/login`, {
    method: 'POST',
    body: '{"password":"canary-cut-off',
    headers: { 'content-type': 'application/json' },
  })
  const login = await send('/v1/login', { username, password: PASSWORD })
  await send('/v1/challenges/verify', {
    challenge_token: login.challenge_token,
    method: 'totp',
    code: wrongCode,
  })
  const code = totp.code()
  const tokens = await send('/v1/challenges/verify', {
    challenge_token: login.challenge_token,
    method: 'totp',
    code,
  })
  t.equal(tokens.status, 'authenticated')
  const pending = await send('/v1/login', { username, password: PASSWORD })
  await send('/v1/challenges', { subject: 's' }, { authorization: basic })
  await send(
    '/v1/challenges',
    { subject: 's' },
    { authorization: `Basic ${btoa(`${client.clientId}:canary-secret`)}` },
  )
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: tokens.refresh_token ?? '',
    client_id: 'postern',
  })
  const renewal = await fetch(`${postern.url}/oauth2/token`, { method: 'POST', body: form })
  const renewed = (await renewal.json()) as Record<string, string>
  await sendMalformed(postern.url)
  // An outage is where errors are logged; they must not take arguments along.
  redis.pause()
  await send('/v1/login', { username, password: PASSWORD })
  redis.resume()

  const secrets = {
    password: PASSWORD,
    'wrong password': 'canary-wrong-password',
    'half a body': 'canary-cut-off',
    'wrong user name': 'canary-user-name',
    'wrong client secret': 'canary-secret',
    'malformed request’s password': 'canary-malformed-password',
    'malformed request’s user name': 'canary-malformed-name',
    'malformed request’s client secret': 'canary-malformed-secret',
    'client secret': client.secret,
    'basic credentials': basic.slice(6),
    'TOTP secret': totp.secret.toString('base64url'),
    'TOTP secret in hex': totp.secret.toString('hex'),
    code: `"${code}"`,
    'wrong code': `"${wrongCode}"`,
    'challenge token': login.challenge_token?.slice(-43),
    'pending challenge token': pending.challenge_token?.slice(-43),
    'access token': tokens.access_token?.split('.')[2],
    'ID token': tokens.id_token?.split('.')[2],
    'refresh token': tokens.refresh_token?.slice(-43),
    'new refresh token': renewed.refresh_token?.slice(-43),
    'encryption key': TEST_ENCRYPTION_KEY.split(':')[1] ?? '',
  }

  const connection = new Redis(redis.url)
  const keys = await connection.keys('*')
  const values = await Promise.all(
    keys.map(async (key) => `${key} ${JSON.stringify(await readAny(connection, key))}`),
  )
  connection.disconnect()
  t.ok(keys.length >= 3, 'there is something to look through in Redis')

  const rows: string[] = []
  for (const { name } of await setUp.deps.postgres.query<{ name: string }>(TABLES)) {
    for (const { row } of await setUp.deps.postgres.query<{ row: string }>(ALL_ROWS(name))) rows.push(row)
  }
  t.ok(
    rows.some((row) => row.includes('challenge.passed')),
    'and in PostgreSQL',
  )
  t.equal(await postern.stop(), 0)
  t.ok(postern.output().includes('temporarily_unavailable'), 'and in the log')

  for (const [place, content] of [
    ['the log', postern.output()],
    ['PostgreSQL', rows.join('\n')],
    ['Redis', values.join('\n')],
  ] as const) {
    for (const [name, secret] of Object.entries(secrets)) {
      if (!secret) throw new Error(`there is no ${name} to look for`)
      for (const form of formsOf(secret)) t.notOk(content.includes(form), `no ${name} in ${place}`)
    }
  }
  t.notOk(
    values
      .join('\n')
      .split('\n')
      .some((line) => line.split(' ')[0]?.includes(account.id)),
    'no account id in a key',
  )
})

const readAny = async (redis: Redis, key: string): Promise<unknown> => {
  const type = await redis.type(key)
  if (type === 'hash') return redis.hgetall(key)
  return type === 'zset' ? redis.zrange(key, '0', '-1') : redis.get(key)
}
