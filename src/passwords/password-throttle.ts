// Wrong passwords, counted by network and by account, each with its own budget (docs/security.md 7). An attempt is
// counted before the password is looked at and given back if it was right, or could not be looked at, so that
// parallel guesses cannot slip past. The account's budget is keyed the same way for names that no account has.
import { hashToken } from '../encryption/opaque-token.ts'
import type { Counters } from '../ephemeral/ephemeral.ts'
import type { PolicyCache } from '../policy/policy-cache.ts'
import { throttledNetwork } from '../wire/network.ts'

type Deps = { ephemeral: { counters: Counters }; policy: PolicyCache }

export type PasswordThrottle =
  | {
      kind: 'taken'
      /** The password was right. */
      succeed: () => Promise<void>
      /** It was never looked at: the queue was full, or a dependency away. */
      giveBack: () => Promise<void>
    }
  | { kind: 'refused'; reason: 'throttled_account' | 'throttled_network'; retryAfterSeconds: number }

/** The counter of an account's wrong passwords. */
export const accountCounter = (account: string): string => `password:account:${hashToken(account)}`
const networkCounter = (ip: string): string => `password:network:${throttledNetwork(ip)}`

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000))

/** Counts one password attempt. `account` is an id, or the name that was tried where there is none. */
export const takePasswordAttempt = async (
  deps: Deps,
  attempt: { account: string; ip: string | null; now: Date },
): Promise<PasswordThrottle> => {
  const { counters } = deps.ephemeral
  const policy = deps.policy.current()
  const nowMs = attempt.now.getTime()
  const windowMs = policy.password_window * 1000
  const names = { account: accountCounter(attempt.account), network: networkCounter(attempt.ip ?? 'unknown') }
  const byNetwork = await counters.increment(names.network, windowMs, nowMs)
  // Refused before the account is counted: a network that is held back must not be able to hold accounts back.
  if (byNetwork.count > policy.max_failed_passwords_per_network) {
    return { kind: 'refused', reason: 'throttled_network', retryAfterSeconds: seconds(byNetwork.resetsInMs) }
  }
  const byAccount = await counters.increment(names.account, windowMs, nowMs)
  if (byAccount.count > policy.max_failed_passwords) {
    return { kind: 'refused', reason: 'throttled_account', retryAfterSeconds: seconds(byAccount.resetsInMs) }
  }
  return {
    kind: 'taken',
    async succeed() {
      // A right password clears the account's failures; of the network's it takes back its own count alone.
      await Promise.all([counters.reset(names.account), counters.decrement(names.network, nowMs)])
    },
    async giveBack() {
      await Promise.all([counters.decrement(names.account, nowMs), counters.decrement(names.network, nowMs)])
    },
  }
}

/** Settles a counted attempt: right, wrong, or given back where it could not be verified. */
export const settleAttempt = async <T>(
  throttle: Extract<PasswordThrottle, { kind: 'taken' }>,
  verifying: Promise<T | null>,
): Promise<T | null> => {
  const verified = await verifying.catch(async (error: unknown) => {
    // Where the counters are away too, the attempt stays counted: the safe side.
    await throttle.giveBack().catch(() => {})
    throw error
  })
  if (verified !== null) await throttle.succeed()
  return verified
}

/** Gives an account its password attempts back; what its networks have spent stays spent. */
export const forgetPasswordFailures = (
  deps: { ephemeral: { counters: Counters } },
  accountId: string,
): Promise<void> => deps.ephemeral.counters.reset(accountCounter(accountId))
