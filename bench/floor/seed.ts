// The floor's state in Redis and PostgreSQL, made from the very requests that were prepared for Postern.
import { hash } from 'node:crypto'
import { Redis } from 'ioredis'
import pg from 'pg'
import type { BenchAccount } from '../prepare.ts'
import { type FloorAccount, toFloorAccount } from './accounts.ts'
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
  const ids = accounts.map(({ authenticatorId }) => authenticatorId)
  await client.query('INSERT INTO floor.authenticators (id) SELECT unnest($1::uuid[])', [ids])
  await client.query('ANALYZE floor.authenticators')
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
const BEARER = /authorization: Bearer [\w-]+\.([\w-]+)\./

const toSid = (encoded: string) =>
  Buffer.from(encoded, 'base64url')
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

/** The key and the hash that a request is about; null for one that needs nothing. */
const stateOf = (byTag: Map<string, FloorAccount>, request: string) => {
  const [, token, challengeTag] = CHALLENGE.exec(request) ?? []
  if (token && challengeTag) {
    const d = byTag.get(challengeTag)?.id ?? ''
    return { key: floorKeys.challenge(challengeTag, sha256(token)), fields: { d } }
  }
  const [, tag, sid, family, secret] = REFRESH.exec(request) ?? []
  if (tag && sid && family && secret) {
    const fields = { d: byTag.get(tag)?.id ?? '', s: Date.now(), f: sha256(family), r: sha256(secret) }
    return { key: floorKeys.session(tag, toSid(sid)), fields }
  }
  const [, claims] = BEARER.exec(request) ?? []
  if (!claims) return null
  const { sub, sid: claimed } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const owner = [...byTag.values()].find(({ id }) => id === sub)
  return { key: floorKeys.session(owner?.tag ?? '', claimed), fields: { d: sub, s: Date.now() } }
}

/** For every request its challenge or its session, in one go. */
export const seedFloor = async (
  redisUrl: string,
  accounts: readonly BenchAccount[],
  requests: readonly Buffer[],
): Promise<void> => {
  const byTag = new Map(accounts.map(toFloorAccount).map((account) => [account.tag, account]))
  const redis = new Redis(redisUrl)
  const pipeline = redis.pipeline()
  for (const request of new Set(requests)) {
    const state = stateOf(byTag, request.toString('latin1'))
    if (state) pipeline.hset(state.key, state.fields).expire(state.key, 3600)
  }
  const results = (await pipeline.exec()) ?? []
  redis.disconnect()
  for (const [error] of results) if (error) throw error
}
