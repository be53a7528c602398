// Failures, locks and epochs of accounts in memory; the counterpart of `fragment-account.lua`.
import { accountTag } from '../../encryption/opaque-token.ts'
import type { AccountVersions, AttemptBudgets, AttemptLimits } from '../ephemeral.ts'
import { createExpiringMap, type MonotonicClock } from './expiring-map.ts'

const ACCOUNT_TTL_MS = 30 * 24 * 60 * 60 * 1000
/** Losing a version costs a read of the account. */
const VERSION_TTL_MS = 24 * 60 * 60 * 1000
const MAX_NETWORKS = 10

export type MemoryAccount = {
  failures: number
  lockedUntilMs: number | null
  sessionEpoch: number
  challengeEpoch: number
  version: string | null
  /** Before it, no version is answered. */
  unsettledUntilMs: number
  /** Hashes of the networks it has signed in from; the one unused for longest is first. */
  networks: ReadonlySet<string>
  /** By the clock of the map. */
  keptUntilMs: number
}

const NEW_ACCOUNT: MemoryAccount = {
  failures: 0,
  lockedUntilMs: null,
  sessionEpoch: 0,
  challengeEpoch: 0,
  version: null,
  unsettledUntilMs: 0,
  networks: new Set(),
  keptUntilMs: 0,
}

type Changes = Partial<Omit<MemoryAccount, 'keptUntilMs'>>

export type MemoryAccounts = ReturnType<typeof memoryAccounts>

export const memoryAccounts = (clock: MonotonicClock) => {
  const accounts = createExpiringMap<MemoryAccount>(clock)
  let versions = 0
  // Never the same again, because nothing of this outlives the process.
  const newVersion = () => {
    versions += 1
    return `${versions}`
  }
  const read = (tag: string): MemoryAccount => accounts.get(tag) ?? NEW_ACCOUNT
  /** Keeps the account for `ttlMs`, or for longer where it was to be kept for longer. */
  const write = (tag: string, changes: Changes, ttlMs = ACCOUNT_TTL_MS): MemoryAccount => {
    const before = read(tag)
    const now = clock()
    const keptUntilMs = Math.max(before.keptUntilMs, now + ttlMs)
    const account = { ...before, ...changes, keptUntilMs }
    accounts.set(tag, account, keptUntilMs - now)
    return account
  }
  return {
    read,
    write,
    /** Counts one attempt before it is checked; until when the account is locked, or how many remain. */
    take(tag: string, limits: AttemptLimits, nowMs: number) {
      const { failures, lockedUntilMs } = read(tag)
      if (lockedUntilMs !== null && lockedUntilMs > nowMs) return { lockedUntilMs } as const
      // When a lock has run out, the budget is full again.
      const spent = lockedUntilMs === null ? failures : 0
      const untilMs = nowMs + limits.lockoutSeconds * 1000
      // The limit may have been lowered since, below what has been spent.
      if (spent >= limits.maxFailedAttempts) {
        write(tag, { lockedUntilMs: untilMs })
        return { lockedUntilMs: untilMs } as const
      }
      const remaining = limits.maxFailedAttempts - spent - 1
      write(tag, { failures: spent + 1, lockedUntilMs: remaining === 0 ? untilMs : null })
      return { lockedUntilMs: null, remaining } as const
    },
    /** Takes one count back, and the lock if that count caused it. */
    giveBack(tag: string, { maxFailedAttempts }: AttemptLimits) {
      const { failures, lockedUntilMs } = read(tag)
      if (failures === 0) return
      const unlocks = failures - 1 < maxFailedAttempts
      write(tag, { failures: failures - 1, lockedUntilMs: unlocks ? null : lockedUntilMs })
    },
    /** At most ten networks are kept; the one unused for longest is dropped. */
    rememberNetwork(tag: string, network: string) {
      if (network === '') return
      const others = [...read(tag).networks].filter((one) => one !== network)
      write(tag, { networks: new Set([...others.slice(1 - MAX_NETWORKS), network]) })
    },
    /** '' while the account is being changed. */
    versionOf(tag: string, nowMs: number): string {
      const { version, unsettledUntilMs } = read(tag)
      if (unsettledUntilMs > nowMs) return ''
      return version ?? write(tag, { version: newVersion() }, VERSION_TTL_MS).version ?? ''
    },
    raiseVersion(tag: string, unsettledUntilMs: number) {
      const later = Math.max(read(tag).unsettledUntilMs, unsettledUntilMs)
      write(tag, { version: newVersion(), unsettledUntilMs: later }, VERSION_TTL_MS)
    },
    clear(tag: string) {
      if (accounts.get(tag)) write(tag, { failures: 0, lockedUntilMs: null }, 0)
    },
    sweep: accounts.sweep,
  }
}

export const memoryVersions = (accounts: MemoryAccounts): AccountVersions => ({
  async raise(accountId, unsettledUntilMs) {
    accounts.raiseVersion(accountTag(accountId), unsettledUntilMs ?? 0)
  },
})

export const memoryBudgets = (accounts: MemoryAccounts): AttemptBudgets => ({
  async take(accountId, limits, nowMs) {
    const tag = accountTag(accountId)
    const taken = accounts.take(tag, limits, nowMs)
    if (taken.lockedUntilMs !== null) return { kind: 'locked', untilMs: taken.lockedUntilMs }
    return { kind: 'taken', remaining: taken.remaining, sessionEpoch: accounts.read(tag).sessionEpoch }
  },
  async giveBack(accountId, limits) {
    accounts.giveBack(accountTag(accountId), limits)
  },
  async clear(accountId) {
    accounts.clear(accountTag(accountId))
  },
  async read(accountId, nowMs) {
    const tag = accountTag(accountId)
    const accountVersion = accounts.versionOf(tag, nowMs)
    const { lockedUntilMs, sessionEpoch, challengeEpoch } = accounts.read(tag)
    const locked = lockedUntilMs !== null && lockedUntilMs > nowMs
    return { lockedUntilMs: locked ? lockedUntilMs : null, sessionEpoch, challengeEpoch, accountVersion }
  },
})
