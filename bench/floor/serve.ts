// The floor: the least that the hot paths can cost. It serves the same requests as Postern, byte for byte, and keeps the
// same promises: attempts are counted before a code is checked, a time step is burned and the event durable before the
// answer, a refresh token is good once. It has no schemas, no policy, no checks of the client, no metrics, and must never be used in earnest.
import { hash, randomBytes, randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import { readAccounts } from './accounts.ts'
import { readPages } from './pages.ts'
import { exchangeCode, issueClientToken, redirectRoutes, type TokenForm, toSid } from './redirect-routes.ts'
import { floorKeys, openFloorRedis } from './scripts.ts'
import { type FloorEvent, type FloorProfile, openFloorPostgres } from './statements.ts'
import { floorTokens } from './tokens.ts'
import { matchedStep } from './totp.ts'

const {
  PORT,
  REDIS_URL = '',
  DATABASE_URL = '',
  FLOOR_ACCOUNTS = '',
  FLOOR_PAGES = '',
  POSTERN_ISSUER = 'http://localhost:8400',
} = process.env

const redis = openFloorRedis(REDIS_URL)
const { record, burn, read } = openFloorPostgres(DATABASE_URL)
const accounts = readAccounts(FLOOR_ACCOUNTS)
const byId = new Map(accounts.map((account) => [account.id, account]))
const bySubject = new Map(accounts.map((account) => [account.subject, account]))

const MAX_ATTEMPTS = 5
const LOCK_SECONDS = 900
const IDLE_SECONDS = 3600
const CHALLENGE_SECONDS = 300

const sha256 = (text: string) => hash('sha256', text, 'base64url')
const tagOf = (token: string) => token.slice(7, 19)

const eventOf = (
  nowMs: number,
  event: string,
  accountId: string | null,
  sessionId: string | null,
): FloorEvent => ({
  id: randomUUID(),
  occurred_at: new Date(nowMs).toISOString(),
  event,
  account_id: accountId,
  session_id: sessionId,
  client_id: 'bench',
  ip: '127.0.0.1',
  request_id: randomUUID(),
  details: { method: 'totp', amr: ['pwd', 'otp', 'mfa'] },
})

const app = Fastify()
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
  done(null, Object.fromEntries(new URLSearchParams(`${body}`))),
)

const refuse = (why: string): never => {
  throw Object.assign(new Error(why), { statusCode: 400 })
}

// P1: two scripts, one statement shared with the requests of the same moment, two signatures.
app.post<{ Body: { challenge_token: string; code: string } }>('/v1/challenges/verify', async ({ body }) => {
  const now = Date.now()
  const tag = tagOf(body.challenge_token)
  const at = [floorKeys.challenge(tag, sha256(body.challenge_token)), floorKeys.failures(tag)]
  const accountId = await redis.floorTakeAttempt(...at, MAX_ATTEMPTS, LOCK_SECONDS)
  const account = byId.get(`${accountId}`) ?? refuse('no such challenge')
  const step = matchedStep(account.secret, body.code, now) ?? refuse('wrong code')
  const sid = randomUUID()
  const event = eventOf(now, 'challenge.passed', account.id, sid)
  const burned = await burn({ ...event, authenticator_id: account.authenticatorId, time_step: step })
  if (!burned) refuse('replayed')
  const family = randomBytes(16).toString('base64url')
  const secret = randomBytes(32).toString('base64url')
  const session = [floorKeys.session(tag, sid), floorKeys.sessions(tag)]
  const hashes = [sha256(family), sha256(secret)]
  const won = await redis.floorPass(...at, ...session, now, IDLE_SECONDS, sid, account.id, ...hashes)
  if (won !== 1) refuse('passed by another')
  const refreshToken = `pst_rt_${tag}${Buffer.from(sid.replaceAll('-', ''), 'hex').toString('base64url')}${family}${secret}`
  return floorTokens(POSTERN_ISSUER, { sub: account.id, sid, refreshToken }, now)
})

// P2: one script; one statement shared with the requests of the same moment where the account has changed. A token that
// was verified is remembered, as Postern does it; here without verifying it.
const remembered = new Map<string, { sub: string; sid: string; key: string }>()
const remember = (token: string) => {
  const [, claims = ''] = token.split('.')
  const { sub, sid } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const known = { sub, sid, key: floorKeys.session(byId.get(sub)?.tag ?? '', sid) }
  remembered.set(token, known)
  return known
}
const touch = async (token: string, now: number) => {
  const { sub, sid, key } = remembered.get(token) ?? remember(token)
  const [found, version] = await redis.floorTouch(key, now, IDLE_SECONDS)
  return found === sub ? { sub, sid, version } : refuse('no such session')
}
/** Reads of accounts by id, each good for one version. */
const profiles = new Map<string, { version: string | null; profile: Promise<FloorProfile | undefined> }>()
const profileOf = (id: string, version: string | null) => {
  const known = profiles.get(id)
  if (known && known.version === version) return known.profile
  const profile = read({ id })
  profiles.set(id, { version, profile })
  return profile
}
app.get('/v1/me', async ({ headers: { authorization = '' } }) => {
  const { sub, version } = await touch(authorization.slice('Bearer '.length), Date.now())
  const { methods, ...profile } = (await profileOf(sub, version)) ?? refuse('no such account')
  const enabled = methods.length > 0
  return {
    ...profile,
    second_factor: { enabled, required: true, methods, recovery_codes_remaining: 0 },
  }
})

// P3: one script, two signatures; meanwhile, where it is to be recorded, one statement shared with the requests of the
// same moment.
const renew = async ({ refresh_token: token = '' }: TokenForm) => {
  const now = Date.now()
  const sid = toSid(token.slice(19, 41))
  const family = token.slice(41, 63)
  const next = randomBytes(32).toString('base64url')
  const key = floorKeys.session(tagOf(token), sid)
  const hashes = [sha256(family), sha256(token.slice(63)), sha256(next)]
  const rotated = await redis.floorRotate(key, now, IDLE_SECONDS, ...hashes)
  const [sub, due] = rotated ?? refuse('no such session')
  const recorded = due === 1 ? record(eventOf(now, 'session.renewed', sub, sid)) : true
  const refreshToken = `${token.slice(0, 63)}${next}`
  const tokens = floorTokens(POSTERN_ISSUER, { sub, sid, refreshToken }, now)
  if (!(await recorded)) refuse('not recorded')
  return tokens
}

const redirectFloor = {
  issuer: POSTERN_ISSUER,
  redis,
  record: (now: number, event: string, about: Pick<FloorEvent, 'account_id' | 'session_id'>) =>
    record(eventOf(now, event, about.account_id, about.session_id)),
  touch,
  pages: readPages(FLOOR_PAGES),
}
redirectRoutes(app, redirectFloor)
app.post<{ Body: TokenForm }>('/oauth2/token', ({ body }) => {
  if (body.grant_type === 'refresh_token') return renew(body)
  if (body.grant_type === 'authorization_code') return exchangeCode(redirectFloor, body)
  return issueClientToken(redirectFloor, body)
})

// P4: one statement shared with the requests of the same moment, one script.
app.post<{ Body: { subject: string } }>('/v1/challenges', async ({ body }) => {
  const now = Date.now()
  const { id, tag } = bySubject.get(body.subject) ?? refuse('no such subject')
  const token = `pst_ch_${tag}${randomBytes(32).toString('base64url')}`
  const at = [floorKeys.challenge(tag, sha256(token)), floorKeys.failures(tag)]
  const [recorded, opened] = await Promise.all([
    record(eventOf(now, 'challenge.opened', id, null)),
    redis.floorOpenChallenge(...at, MAX_ATTEMPTS, CHALLENGE_SECONDS, id),
  ])
  if (!recorded || opened !== 1) refuse('locked')
  return {
    status: 'challenge_required',
    challenge_token: token,
    expires_in: CHALLENGE_SECONDS,
    methods: [{ method: 'totp' }],
  }
})

await app.listen({ port: Number(PORT) })
process.once('SIGTERM', () => process.exit(0))
