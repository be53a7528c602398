// oidc-provider's storage in Redis, as its documentation asks for it (example/my_adapter.js in its repository): one round
// trip for each call, what is consumed is marked, and a grant revokes all that was issued under it.
import type { Redis } from 'ioredis'
import type { Adapter, AdapterPayload } from 'oidc-provider'

const keyOf = (model: string, id: string) => `oidc:${model}:${id}`
const grantKey = (grantId: string) => `oidc:grant:${grantId}`

/** What can be used up has a field for that beside its payload. */
const CONSUMABLE = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode'])

/** An adapter for each model, as the option `adapter` takes it. */
export const oidcAdapter =
  (redis: Redis) =>
  (model: string): Adapter => {
    const consumable = CONSUMABLE.has(model)
    const find = async (id: string | null): Promise<AdapterPayload | undefined> => {
      if (id === null) return undefined
      if (!consumable) {
        const stored = await redis.get(keyOf(model, id))
        return stored === null ? undefined : JSON.parse(stored)
      }
      const [payload, consumed] = await redis.hmget(keyOf(model, id), 'payload', 'consumed')
      if (typeof payload !== 'string') return undefined
      return { ...JSON.parse(payload), ...(consumed && { consumed: Number(consumed) }) }
    }
    const named = (by: 'uid' | 'userCode', value: string) => `oidc:${model}:${by}:${value}`

    return {
      async upsert(id, payload, expiresIn) {
        if (expiresIn === undefined) throw new Error(`${model}: everything that is stored expires`)
        const key = keyOf(model, id)
        const multi = redis.multi()
        if (consumable) multi.hset(key, 'payload', JSON.stringify(payload)).expire(key, expiresIn)
        else multi.setex(key, expiresIn, JSON.stringify(payload))
        if (payload.grantId && model !== 'Grant') {
          const issued = grantKey(payload.grantId)
          multi.sadd(issued, key)
          // What is issued last and for longest is a refresh token.
          if (consumable) multi.expire(issued, expiresIn)
          else multi.expire(issued, expiresIn, 'NX')
        }
        if (payload.uid) multi.setex(named('uid', payload.uid), expiresIn, id)
        if (payload.userCode) multi.setex(named('userCode', payload.userCode), expiresIn, id)
        await multi.exec()
      },
      find,
      findByUid: async (uid) => find(await redis.get(named('uid', uid))),
      findByUserCode: async (code) => find(await redis.get(named('userCode', code))),
      async consume(id) {
        await redis.hset(keyOf(model, id), 'consumed', Math.floor(Date.now() / 1000))
      },
      async destroy(id) {
        await redis.del(keyOf(model, id))
      },
      async revokeByGrantId(grantId) {
        const keys = await redis.smembers(grantKey(grantId))
        await redis.del(grantKey(grantId), ...keys)
      },
    }
  }
