// Guesses at passwords in memory; the counterpart of `fragment-guesses.lua` and the scripts that use it.
import { accountTag } from '../../encryption/opaque-token.ts'
import type { PasswordGuesses, PasswordLimits } from '../ephemeral.ts'
import { networkHash } from '../stored-names.ts'
import type { MemoryAccounts } from './accounts.ts'
import { createExpiringMap, type MonotonicClock } from './expiring-map.ts'

const FORGIVEN_EVERY_MS = 6 * 60 * 60 * 1000
const LONGEST_WAIT_MS = 24 * 60 * 60 * 1000

type Lane = { failures: number; sinceMs: number; closedUntilMs: number }

/** Once the limit is reached, each wait allows one guess, and the wait doubles with every quarter of the limit. */
const waitAfter = (failures: number, { limit, firstWaitMs }: PasswordLimits): number => {
  const doublings = Math.min(Math.floor((failures - limit) / Math.max(Math.floor(limit / 4), 1)), 20)
  return Math.min(firstWaitMs * 2 ** doublings, Math.max(firstWaitMs, LONGEST_WAIT_MS))
}

export const memoryGuesses = (clock: MonotonicClock, accounts: MemoryAccounts) => {
  const guesses = createExpiringMap<Map<string, Lane>>(clock)

  const read = (tag: string, lane: string, nowMs: number): Lane => {
    const stored = guesses.get(tag)?.get(lane)
    if (!stored) return { failures: 0, sinceMs: nowMs, closedUntilMs: 0 }
    const { failures, sinceMs, closedUntilMs } = stored
    const forgiven = Math.floor(Math.max(nowMs - sinceMs, 0) / FORGIVEN_EVERY_MS)
    return {
      failures: Math.max(failures - forgiven, 0),
      sinceMs: sinceMs + forgiven * FORGIVEN_EVERY_MS,
      closedUntilMs,
    }
  }
  const write = (tag: string, lane: string, changed: Lane, nowMs: number) => {
    const lanes = guesses.get(tag) ?? new Map<string, Lane>()
    if (changed.failures === 0) lanes.delete(lane)
    else lanes.set(lane, changed)
    const all = [...lanes.values()]
    const ttlMs = all.map((one) => Math.max(one.failures * FORGIVEN_EVERY_MS, one.closedUntilMs - nowMs))
    if (all.length === 0) guesses.delete(tag)
    else guesses.set(tag, lanes, Math.max(...ttlMs))
  }
  const take = (tag: string, lane: string, limits: PasswordLimits, nowMs: number) => {
    const before = read(tag, lane, nowMs)
    if (before.closedUntilMs > nowMs) return { closedUntilMs: before.closedUntilMs, closesUntilMs: null }
    const failures = before.failures + 1
    const closedUntilMs = failures < limits.limit ? 0 : nowMs + waitAfter(failures, limits)
    const sinceMs = before.failures === 0 ? nowMs : before.sinceMs
    write(tag, lane, { failures, sinceMs, closedUntilMs }, nowMs)
    return { closedUntilMs: null, closesUntilMs: closedUntilMs === 0 ? null : closedUntilMs }
  }

  const store: PasswordGuesses = {
    async take(subject, { network, othersClosedUntilMs }, limits, nowMs) {
      const tag = accountTag(subject)
      const { lockedUntilMs, sessionEpoch, challengeEpoch, networks } = accounts.read(tag)
      const hashed = networkHash(subject, network)
      const known = networks.has(hashed)
      const lane = known ? hashed : 'others'
      const open = known || othersClosedUntilMs === null || othersClosedUntilMs <= nowMs
      const shut = { closedUntilMs: othersClosedUntilMs, closesUntilMs: null }
      const taken = open ? take(tag, lane, limits, nowMs) : shut
      const locked = lockedUntilMs !== null && lockedUntilMs > nowMs
      const state = { lockedUntilMs: locked ? lockedUntilMs : null, sessionEpoch, challengeEpoch }
      return { lane, ...taken, state }
    },
    async giveBack(subject, { lane, count, closesUntilMs }, nowMs) {
      const tag = accountTag(subject)
      const { failures, sinceMs, closedUntilMs } = read(tag, lane, nowMs)
      const givenBack = Math.min(failures, count)
      const left = { failures: failures - givenBack, sinceMs }
      // What another guess has closed stays closed.
      write(tag, lane, { ...left, closedUntilMs: closedUntilMs === closesUntilMs ? 0 : closedUntilMs }, nowMs)
      return givenBack
    },
    async forget(subject) {
      guesses.delete(accountTag(subject))
    },
  }
  return { store, sweep: guesses.sweep }
}
