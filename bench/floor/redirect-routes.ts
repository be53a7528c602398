// The floor of the redirect flow. Of its promises: a code is of a live session, is good once and for what it was asked for,
// a second use ends its grant, and the event of an authorization and of a client's token is durable before the answer.
import { hash, randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { FloorPage } from './pages.ts'
import { type FloorRedis, floorKeys } from './scripts.ts'
import type { FloorEvent } from './statements.ts'
import { floorClientToken, floorTokens } from './tokens.ts'

export type RedirectFloor = {
  issuer: string
  redis: FloorRedis
  /** An event of this moment. */
  record: (
    nowMs: number,
    event: string,
    about: Pick<FloorEvent, 'account_id' | 'session_id'>,
  ) => Promise<true | undefined>
  /** The live session of an access token: one script. */
  touch: (token: string, nowMs: number) => Promise<{ sub: string; sid: string; version: string | null }>
  pages: Map<string, FloorPage>
}

export type TokenForm = Partial<
  Record<'grant_type' | 'refresh_token' | 'code' | 'redirect_uri' | 'code_verifier' | 'scope', string>
>

const IDLE_SECONDS = 3600
const CODE_SECONDS = 60
const USED_CODE_SECONDS = 600
const COOKIE = /(?:^|; )postern=pst_bs_([\w-]{12})([\w-]{22})([\w-]{43})/

const sha256 = (text: string) => hash('sha256', text, 'base64url')

export const toSid = (encoded: string): string =>
  Buffer.from(encoded, 'base64url')
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

const fromSid = (sid: string) => Buffer.from(sid.replaceAll('-', ''), 'hex').toString('base64url')

/** What a code is bound to. */
export const bindingOf = (redirectUri: string, codeChallenge: string): string =>
  sha256(JSON.stringify(['bench', redirectUri, codeChallenge]))

const refuse = (why: string): never => {
  throw Object.assign(new Error(why), { statusCode: 400 })
}

const sendPage = (reply: FastifyReply, page: FloorPage | undefined) =>
  page ? reply.headers(page.headers).send(page.html) : refuse('no such page')

// O2: one script, two signatures.
export const exchangeCode = async ({ issuer, redis }: RedirectFloor, body: TokenForm) => {
  const now = Date.now()
  const { code = '', redirect_uri: redirectUri = '', code_verifier: verifier = '' } = body
  const tag = code.slice(7, 19)
  const family = randomBytes(16).toString('base64url')
  const secret = randomBytes(32).toString('base64url')
  const bound = [floorKeys.sessionPrefix(tag), bindingOf(redirectUri, sha256(verifier))]
  const hashes = [sha256(family), sha256(secret)]
  const key = floorKeys.code(tag, sha256(code))
  const redeemed = await redis.floorRedeem(key, now, IDLE_SECONDS, ...bound, ...hashes, USED_CODE_SECONDS)
  const [sub, sid, asked] = redeemed ?? refuse('no such code')
  const refreshToken = `pst_rt_${tag}${fromSid(sid)}${family}${secret}`
  const { nonce }: { nonce: string } = JSON.parse(asked)
  return floorTokens(issuer, { sub, sid, refreshToken, nonce }, now)
}

// O6: one statement shared with the requests of the same moment, one signature.
export const issueClientToken = async ({ issuer, record }: RedirectFloor, { scope = '' }: TokenForm) => {
  const now = Date.now()
  const recorded = record(now, 'client.token_issued', { account_id: null, session_id: null })
  if (!(await recorded)) refuse('not recorded')
  return floorClientToken(issuer, scope, now)
}

export const redirectRoutes = (app: FastifyInstance, floor: RedirectFloor): void => {
  const { issuer, redis, record, touch, pages } = floor

  // O1: one script, one statement shared with the requests of the same moment. S1: a page.
  app.get<{ Querystring: Record<string, string> }>('/oauth2/authorize', async ({ headers, query }, reply) => {
    const [, tag, sid, secret] = COOKIE.exec(headers.cookie ?? '') ?? []
    if (!tag || !sid || !secret) return sendPage(reply, pages.get('S1'))
    const now = Date.now()
    const { redirect_uri: redirectUri = '', code_challenge: challenge = '', scope, nonce, state = '' } = query
    const code = `pst_ac_${tag}${randomBytes(32).toString('base64url')}`
    const id = toSid(sid)
    const at = [floorKeys.session(tag, id), floorKeys.code(tag, sha256(code))]
    const asked = [bindingOf(redirectUri, challenge), JSON.stringify({ scope, nonce })]
    const [sub] = await redis.floorAuthorize(
      ...at,
      now,
      IDLE_SECONDS,
      sha256(secret),
      id,
      ...asked,
      CODE_SECONDS,
    )
    if (!sub) return refuse('no such session')
    if (!(await record(now, 'authorization.granted', { account_id: sub, session_id: id })))
      refuse('not recorded')
    return reply.redirect(`${redirectUri}?${new URLSearchParams({ code, state, iss: issuer })}`, 303)
  })

  app.get('/sign-in', (_request, reply) => sendPage(reply, pages.get('S2')))

  // O4: one script.
  app.post<{ Body: { token: string } }>('/oauth2/introspect', async ({ body }) => {
    const { sub, sid } = await touch(body.token, Date.now())
    return { active: true, iss: issuer, ...describe(body.token), sub, sid }
  })

  // O5: one script.
  app.get('/oauth2/userinfo', async ({ headers: { authorization = '' } }) => {
    const { sub } = await touch(authorization.slice('Bearer '.length), Date.now())
    return { sub, preferred_username: sub }
  })
}

/** Tokens that were read once. */
const described = new Map<string, object>()

const describe = (token: string): object => {
  const known = described.get(token)
  if (known) return known
  const [, claims = ''] = token.split('.')
  const about = { ...JSON.parse(Buffer.from(claims, 'base64url').toString()), token_type: 'Bearer' }
  described.set(token, about)
  return about
}
