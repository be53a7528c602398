// The floor's state in Redis and PostgreSQL, made from the very requests that were prepared for Postern.
import { hash } from 'node:crypto'
import { Redis } from 'ioredis'
import pg from 'pg'
import type { BenchAccount } from '../prepare.ts'
import { REDIRECT_URI } from '../prepare.ts'
import { CODE_CHALLENGE } from '../prepare-redirect.ts'
import { CHANGED_ACCOUNTS, isRecorded } from '../scenarios.ts'
import { type FloorAccount, toFloorAccount } from './accounts.ts'
import { bindingOf, toSid } from './redirect-routes.ts'
import { floorKeys } from './scripts.ts'
import { FLOOR_TABLES } from './statements.ts'

const sha256 = (text: string) => hash('sha256', text, 'base64url')

export const createFloorTables = async (
  databaseUrl: string,
  accounts: readonly BenchAccount[],
): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(FLOOR_TABLES)
  const ids = accounts.map(({ id }) => id)
  await client.query('INSERT INTO floor.accounts (id) SELECT unnest($1::uuid[])', [ids])
  const authenticatorIds = accounts.map(({ authenticatorId }) => authenticatorId)
  await client.query('INSERT INTO floor.authenticators (id) SELECT unnest($1::uuid[])', [authenticatorIds])
  await client.query('ANALYZE floor.accounts, floor.authenticators')
  await client.end()
}

/** Time steps that earlier rounds have burned are good again. */
export const forgetFloorBurns = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('UPDATE floor.authenticators SET last_time_step = 0 WHERE last_time_step > 0')
  await client.end()
}

const CHALLENGE = /"challenge_token":"(pst_ch_([\w-]{12})[\w-]{43})"/
const REFRESH = /refresh_token=pst_rt_([\w-]{12})([\w-]{22})([\w-]{22})([\w-]{43})$/
const ACCESS = /(?:authorization: Bearer |\r\n\r\ntoken=)[\w-]+\.([\w-]+)\./
const COOKIE = /postern=pst_bs_([\w-]{12})([\w-]{22})([\w-]{43})/
const CODE = /&code=(pst_ac_([\w-]{12})[\w-]{43})&/
const CODE_SID = '00000000-0000-7000-8000-000000000000'

type Known = { byTag: Map<string, FloorAccount>; byId: Map<string, FloorAccount> }

/** `v`: of the accounts; `n`: when the session's renewal was last recorded (ms). */
type Past = { v: number; n: number }

/** A code that waits, and the session that it is of. */
const codeState = ({ byTag }: Known, request: string, { v }: Past) => {
  const [, code, tag] = CODE.exec(request) ?? []
  if (!code || !tag) return null
  const d = byTag.get(tag)?.id ?? ''
  const asked = {
    b: bindingOf(REDIRECT_URI, CODE_CHALLENGE),
    r: JSON.stringify({ nonce: 'a-nonce-of-the-bench' }),
  }
  return [
    { key: floorKeys.code(tag, sha256(code)), fields: { d, s: CODE_SID, ...asked } },
    { key: floorKeys.session(tag, CODE_SID), fields: { d, s: Date.now(), v } },
  ]
}

/** The key and the hash that a request is about; null for one that needs nothing. */
const stateOf = ({ byTag, byId }: Known, request: string, { v, n }: Past) => {
  const [, browserTag, browserSid, browserSecret] = COOKIE.exec(request) ?? []
  if (browserTag && browserSid && browserSecret) {
    const fields = { d: byTag.get(browserTag)?.id ?? '', s: Date.now(), k: sha256(browserSecret), v }
    return { key: floorKeys.session(browserTag, toSid(browserSid)), fields }
  }
  const [, token, challengeTag] = CHALLENGE.exec(request) ?? []
  if (token && challengeTag) {
    const d = byTag.get(challengeTag)?.id ?? ''
    return { key: floorKeys.challenge(challengeTag, sha256(token)), fields: { d } }
  }
  const [, tag, sid, family, secret] = REFRESH.exec(request) ?? []
  if (tag && sid && family && secret) {
    const hashes = { f: sha256(family), r: sha256(secret) }
    const fields = { d: byTag.get(tag)?.id ?? '', s: Date.now(), ...hashes, v, n }
    return { key: floorKeys.session(tag, toSid(sid)), fields }
  }
  const [, claims] = ACCESS.exec(request) ?? []
  if (!claims) return null
  const { sub, sid: claimed } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const key = floorKeys.session(byId.get(sub)?.tag ?? '', claimed)
  return { key, fields: { d: sub, s: Date.now(), v, n } }
}

/** For every request of the scenario `name` its challenge or its session, in one go. */
export const seedFloor = async (
  redisUrl: string,
  accounts: readonly BenchAccount[],
  { name, requests }: { name: string; requests: readonly Buffer[] },
): Promise<void> => {
  const all = accounts.map(toFloorAccount)
  const byTag = new Map(all.map((account) => [account.tag, account]))
  const byId = new Map(all.map((account) => [account.id, account]))
  const now = Date.now()
  const v = name === CHANGED_ACCOUNTS ? now : 0
  const redis = new Redis(redisUrl)
  const pipeline = redis.pipeline()
  for (const [i, request] of [...new Set(requests)].entries()) {
    const past = { v, n: isRecorded(name, i) ? 0 : now }
    const known = { byTag, byId }
    const text = request.toString('latin1')
    for (const state of codeState(known, text, past) ?? [stateOf(known, text, past)])
      if (state) pipeline.hset(state.key, state.fields).expire(state.key, 3600)
  }
  const results = (await pipeline.exec()) ?? []
  redis.disconnect()
  for (const [error] of results) if (error) throw error
}
