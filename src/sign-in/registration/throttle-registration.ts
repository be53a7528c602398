// How often accounts can be asked for: mail costs its receiver attention, and answers show which user names exist.
import { nameKey } from '../../accounts/account.ts'
import type { Deps } from '../../deps.ts'
import { AuthError, secondsUntil } from '../../errors.ts'
import { throttledNetwork } from '../../wire/end-user.ts'

const HOUR_MS = 3_600_000
const TRIES_OF_A_NETWORK = 60
const MAILS_TO_AN_ADDRESS = 5

type ThrottleDeps = Pick<Deps, 'ephemeral'>

const count = async (deps: ThrottleDeps, name: string, limit: number, now: Date): Promise<void> => {
  const taken = await deps.ephemeral.counters.increment(name, HOUR_MS, now.getTime())
  if (taken.count <= limit) return
  const retry_after = secondsUntil(now.getTime() + taken.resetsInMs, now)
  throw new AuthError('too_many_attempts', undefined, { retry_after })
}

/** @throws {AuthError} too_many_attempts: an hour's tries of the network are spent */
export const throttleNetwork = (
  deps: ThrottleDeps,
  { ip, now }: { ip: string | null; now: Date },
): Promise<void> => {
  const network = ip === null ? 'unknown' : throttledNetwork(ip)
  return count(deps, `registration:network:${network}`, TRIES_OF_A_NETWORK, now)
}

/** The same for an address that has an account and one that has none. @throws {AuthError} too_many_attempts */
export const throttleAddress = (deps: ThrottleDeps, email: string, now: Date): Promise<void> =>
  count(deps, `registration:address:${nameKey(email)}`, MAILS_TO_AN_ADDRESS, now)
