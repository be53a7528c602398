// What the protocol keeps, in memory: pushed requests and names that are used once.
import { hashToken } from '../../encryption/opaque-token.ts'
import type { PushedRequest, PushedRequestStore, Replays } from '../protocol.ts'
import { packPushedRequest, unpackPushedRequest } from '../protocol-records.ts'
import { createExpiringMap, type MonotonicClock } from './expiring-map.ts'

type Pushed = { expiresAtMs: number; browser: string | null; record: string }

export const memoryPushedRequests = (clock: MonotonicClock) => {
  const requests = createExpiringMap<Pushed>(clock)
  const read = (token: string, nowMs: number): Pushed | null => {
    const pushed = requests.get(hashToken(token))
    return pushed && pushed.expiresAtMs > nowMs ? pushed : null
  }
  const store: PushedRequestStore = {
    async open(token, { record, ttlSeconds, nowMs }) {
      const expiresAtMs = nowMs + ttlSeconds * 1000
      const pushed = { expiresAtMs, browser: null, record: packPushedRequest(record) }
      requests.set(hashToken(token), pushed, ttlSeconds * 1000)
    },
    async find(token, browser, keepSeconds, nowMs): Promise<PushedRequest | null> {
      const pushed = read(token, nowMs)
      if (!pushed || (pushed.browser !== null && pushed.browser !== browser)) return null
      if (pushed.browser === null && browser !== null) {
        const expiresAtMs = Math.max(pushed.expiresAtMs, nowMs + keepSeconds * 1000)
        requests.set(hashToken(token), { ...pushed, browser, expiresAtMs }, expiresAtMs - nowMs)
      }
      return unpackPushedRequest(pushed.record)
    },
    async take(token, nowMs) {
      const pushed = read(token, nowMs)
      requests.delete(hashToken(token))
      return pushed && unpackPushedRequest(pushed.record)
    },
  }
  return { store, sweep: requests.sweep }
}

export const memoryReplays = (clock: MonotonicClock) => {
  const notedUntil = createExpiringMap<number>(clock)
  const store: Replays = {
    async firstUse(name, ttlMs, nowMs) {
      const key = hashToken(name)
      if ((notedUntil.get(key) ?? 0) > nowMs) return false
      notedUntil.set(key, nowMs + ttlMs, ttlMs)
      return true
    },
  }
  return { store, sweep: notedUntil.sweep }
}
