// The floor: the least that the hot paths can cost. The same I/O in the same order, the same two signatures; no schema, no
// policy, no checks, no metrics. It serves the same requests as Postern, byte for byte, and must never be used in earnest.
import { generateKeyPairSync, hash, randomBytes, randomUUID, sign } from 'node:crypto'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import pg from 'pg'
import { findAccountDetails } from '../src/accounts/details-store.ts'
import { findAccount, findSubject, recordFirstFactor } from '../src/accounts/store.ts'
import { recordEvent } from '../src/audit/store.ts'
import { burnTimeStep, findAnswerable, findTotp } from '../src/authenticators/store.ts'
import { accountTag } from '../src/encryption/opaque-token.ts'
import { redisKeys, SCRIPTS } from '../src/ephemeral/redis/scripts.ts'
import { statementOf } from './statement-of.ts'

const { PORT, REDIS_URL = '', DATABASE_URL, POSTERN_ISSUER = 'http://localhost:8400' } = process.env

const redis = new Redis(REDIS_URL, { enableAutoPipelining: true })
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 })
const app = Fastify()
const keys = redisKeys('postern:')
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const sql = {
  findTotp: await statementOf((deps) => findTotp(deps, '')),
  burnTimeStep: await statementOf((deps) =>
    burnTimeStep(deps, { authenticatorId: '', timeStep: 0, now: new Date(), signedInAt: null }, {} as never),
  ),
  findAccount: await statementOf((deps) => findAccount(deps, '')),
  findSubject: await statementOf((deps) => findSubject(deps, '', '')),
  findAnswerable: await statementOf((deps) => findAnswerable(deps, '')),
  findAccountDetails: await statementOf((deps) => findAccountDetails(deps, '')),
  recordFirstFactor: await statementOf((deps) =>
    recordFirstFactor(deps, { account: {} as never, passwordHash: null }, {} as never),
  ),
  recordEvent: await statementOf((deps) => recordEvent(deps, {} as never)),
}

const query = async (name: keyof typeof sql, values: unknown[]) =>
  (await pool.query({ ...sql[name], values: values.map((value) => [value]) })).rows[0]
// biome-ignore lint/suspicious/noExplicitAny: a floor takes what comes
const run = (name: keyof typeof SCRIPTS, keysOf: string[], args: (string | number)[]): Promise<any> =>
  redis.evalsha(SCRIPTS[name].sha, keysOf.length, ...keysOf, ...args)

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (typ: string, claims: object) => {
  const input = `${encode({ alg: 'ES256', typ, kid: 'a-key-id-as-long-as-a-sha-256-thumbprint-is' })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

const tokens = (sub: string, sid: string, now: number) => {
  const iat = Math.floor(now / 1000)
  const about = { sub, sid, acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], auth_time: iat }
  const scope = 'openid profile email offline_access'
  const common = { iss: POSTERN_ISSUER, ...about, iat, exp: iat + 600 }
  const aud = [POSTERN_ISSUER, 'bench']
  return {
    status: 'authenticated',
    access_token: jwt('at+jwt', {
      ...common,
      aud,
      client_id: 'bench',
      jti: randomUUID(),
      scope,
      roles: ['user'],
    }),
    token_type: 'Bearer',
    expires_in: 600,
    id_token: jwt('JWT', {
      ...common,
      aud: 'bench',
      at_hash: 'LDktKdoQak3Pk0cnXxCltA',
      preferred_username: sub,
    }),
    refresh_token: `pst_rt_${randomBytes(74).toString('base64url')}`,
    scope,
    ...about,
  }
}

const auditEvent = (now: number, about: { account_id: string; session_id: string | null }) =>
  JSON.stringify({
    id: randomUUID(),
    occurred_at: new Date(now).toISOString(),
    event: 'bench.floor',
    outcome: 'success',
    ...about,
    actor_type: 'account',
    actor_id: about.account_id,
    client_id: 'bench',
    ip: '127.0.0.1',
    user_agent: null,
    request_id: randomUUID(),
    details: { purpose: 'login', method: 'totp', amr: ['pwd', 'otp', 'mfa'] },
  })

app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
  done(null, Object.fromEntries(new URLSearchParams(`${body}`))),
)

// P1
app.post<{ Body: { challenge_token: string } }>('/v1/challenges/verify', async ({ body }) => {
  const now = Date.now()
  const token = body.challenge_token
  const tag = token.slice(7, 19)
  const place = { tag, hash: hash('sha256', token, 'base64url') }
  const at = [keys.challenge(place), keys.account(tag)]
  const [, record, , epoch] = await run('takeAttempt', at, [now, 'totp:6', 5, 900_000])
  const [accountId] = JSON.parse(record)
  const { authenticator_id: authenticatorId } = await query('findTotp', [accountId])
  const sid = randomUUID()
  const event = auditEvent(now, { account_id: accountId, session_id: sid })
  await query('burnTimeStep', [
    authenticatorId,
    Math.floor(now / 30_000),
    new Date(now),
    new Date(now),
    event,
  ])
  const seconds = Math.floor(now / 1000)
  const hashes = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')]
  const limits = [100, '', '', '']
  const session = [
    keys.sessionPrefix(tag),
    sid,
    record,
    3600,
    seconds + 86_400,
    seconds,
    ...hashes,
    ...limits,
  ]
  await run('pass', [...at, keys.sessionSet(tag)], [now, epoch, ...session])
  return tokens(accountId, sid, now)
})

// P2: the account of a token is remembered, as Postern remembers tokens that it has verified.
const remembered = new Map<string, { sub: string; sid: string }>()
app.get('/v1/me', async ({ headers: { authorization = '' } }) => {
  const [, claims = ''] = authorization.split('.')
  const known = remembered.get(authorization) ?? JSON.parse(Buffer.from(claims, 'base64url').toString())
  remembered.set(authorization, known)
  const tag = accountTag(known.sub)
  const at = [keys.session(tag, known.sid), keys.account(tag), keys.sessionSet(tag)]
  await run('touchSession', at, [Date.now(), known.sid])
  await query('findAccount', [known.sub])
  return query('findAccountDetails', [known.sub])
})

// P3
app.post<{ Body: { refresh_token: string } }>('/oauth2/token', async ({ body }) => {
  const now = Date.now()
  const token = body.refresh_token
  const tag = token.slice(7, 19)
  const hex = Buffer.from(token.slice(19, 41), 'base64url').toString('hex')
  const sid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  const presented = [
    hash('sha256', token.slice(41, 63), 'base64url'),
    hash('sha256', token.slice(63), 'base64url'),
  ]
  const at = [keys.session(tag, sid), keys.account(tag), keys.sessionSet(tag)]
  const next = randomBytes(32).toString('base64url')
  const [, session] = await run('rotateRefresh', at, [now, sid, ...presented, next, 0])
  const [, accountId] = JSON.parse(session)
  await query('findAccount', [accountId])
  await query('recordEvent', [auditEvent(now, { account_id: accountId, session_id: sid })])
  return tokens(accountId, sid, now)
})

// P4
app.post<{ Body: { subject: string } }>('/v1/challenges', async ({ body }) => {
  const now = Date.now()
  const account = await query('findSubject', ['bench', body.subject])
  const { id } = account
  const tag = accountTag(id)
  const [, sessionEpoch, challengeEpoch] = await redis.hmget(keys.account(tag), 'l', 'e', 'c')
  await query('findAnswerable', [id])
  const event = auditEvent(now, { account_id: id, session_id: null })
  await query('recordFirstFactor', [
    id,
    JSON.stringify(account.roles),
    account.enrolled_authenticators,
    null,
    null,
    event,
  ])
  const token = `pst_ch_${tag}${randomBytes(32).toString('base64url')}`
  const place = { tag, hash: hash('sha256', token, 'base64url') }
  const record = [id, 'bench', 'login', 'openid', ['pwd'], Math.floor(now / 1000), null, null, null]
  await run(
    'openPending',
    [keys.challenge(place), keys.account(tag)],
    [now, 300_000, 'totp:6', JSON.stringify(record), sessionEpoch ?? 0, challengeEpoch ?? 0],
  )
  return {
    status: 'challenge_required',
    challenge_token: token,
    expires_in: 300,
    methods: [{ method: 'totp' }],
  }
})

for (const { lua } of Object.values(SCRIPTS)) await redis.script('LOAD', lua)
await app.listen({ port: Number(PORT) })
process.once('SIGTERM', () => process.exit(0))
