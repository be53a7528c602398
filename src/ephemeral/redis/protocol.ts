import { hashToken } from '../../encryption/opaque-token.ts'
import type { PushedRequestStore, Replays } from '../protocol.ts'
import { packPushedRequest, unpackPushedRequest } from '../protocol-records.ts'
import type { AskingRedis, RedisKeys } from './scripts.ts'

export const redisPushedRequests = (
  { client, ask, run }: AskingRedis,
  keys: RedisKeys,
): PushedRequestStore => {
  const at = (token: string) => keys.pushedRequest(hashToken(token))
  const unpacked = (packed: string | null) => (packed === null ? null : unpackPushedRequest(packed))
  return {
    async open(token, { record, ttlSeconds, nowMs }) {
      const ttlMs = ttlSeconds * 1000
      const stored = `${nowMs + ttlMs}||${packPushedRequest(record)}`
      await ask(() => client.set(at(token), stored, 'PX', ttlMs))
    },
    async find(token, browser, keepSeconds, nowMs) {
      const args = [nowMs, browser ?? '', keepSeconds * 1000]
      return unpacked(await run<string | null>('findPushedRequest', [at(token)], args))
    },
    async take(token, nowMs) {
      return unpacked(await run<string | null>('takePushedRequest', [at(token)], [nowMs]))
    },
  }
}

export const redisReplays = ({ run }: AskingRedis, keys: RedisKeys): Replays => ({
  async firstUse(name, ttlMs, nowMs) {
    return (await run<number>('useOnce', [keys.usedOnce(hashToken(name))], [nowMs, ttlMs])) === 1
  },
})
