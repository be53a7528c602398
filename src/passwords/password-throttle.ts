// Wrong passwords. Each try is counted before the password is checked (docs/security.md 4, 5, 7), in three budgets:
//
//   1. the network's, in a window;
//   2. the budget of the name that was typed, whether an account has it or not;
//   3. the account's own, in lanes: networks from which it has signed in have one each, all others share one, and get
//      fewer tries the longer they fail.
//
// Decision: the answer to a wrong password depends on 1 and 2 alone, which do not depend on accounts. So the answers
// do not show which names exist, nor that an address and a user name belong to one account, nor which networks it signs
// in from. 3 decides, without a trace in the answer, whether the password is checked at all. So two names of one account
// do not double its budget, and guesses from elsewhere, however many, do not keep an account out of the networks that it
// is used from. What 2 and 3 decide costs the same work as a wrong password, so time shows nothing either; what 1 refuses
// depends on no name, and costs none.
import { type Account, nameKey } from '../accounts/account.ts'
import type { AccountState, Counters, PasswordGuesses, PasswordLimits } from '../ephemeral/ephemeral.ts'
import { AuthError, secondsUntil } from '../errors.ts'
import type { Policy } from '../policy/policy.ts'
import type { PolicyCache } from '../policy/policy-cache.ts'
import { throttledNetwork } from '../wire/end-user.ts'

type Deps = { ephemeral: { counters: Counters; guesses: PasswordGuesses }; policy: PolicyCache }

/** Whose password is tried. `name` is null where the account is signed in; `account` is null where none has the name. */
export type PasswordTry = { accountId: string | null; name: string | null; ip: string | null; now: Date }

type Throttled = { reason: 'throttled_account' | 'throttled_network'; untilMs: number }

/** Where a try is counted, and until when it has closed that lane; null where it has not. */
type Counted = { subject: string; lane: string; closesUntilMs: number | null }

/** One counted try. */
export type PasswordAttempt = {
  made: PasswordTry
  lane: string
  /** The password may be checked. */
  admitted: boolean
  /** The answer to a wrong password and to one that is not checked; null: that it is wrong. */
  throttled: Throttled | null
  /** Null where the try is not counted there. */
  counted: { inLane: Counted | null; byName: Counted | null }
  /** The account's state, before its password is checked. */
  state: AccountState
}

const EVERY = 1_000_000

const limitsOf = (policy: Policy): PasswordLimits => ({
  limit: policy.max_failed_passwords,
  firstWaitMs: policy.password_window * 1000,
})

const networkCounter = (ip: string | null): string =>
  `password:network:${ip === null ? 'unknown' : throttledNetwork(ip)}`
const nameSubject = (name: string): string => `name:${nameKey(name)}`
/** A name that no account has is counted like an account that has never signed in. */
const subjectOf = ({ accountId, name }: PasswordTry): string => accountId ?? `nobody:${nameKey(name ?? '')}`

const countByNetwork = async (deps: Deps, { ip, now }: PasswordTry): Promise<Throttled | null> => {
  const policy = deps.policy.current()
  const windowMs = policy.password_window * 1000
  const { count, resetsInMs } = await deps.ephemeral.counters.increment(
    networkCounter(ip),
    windowMs,
    now.getTime(),
  )
  if (count <= policy.max_failed_passwords_per_network) return null
  return { reason: 'throttled_network', untilMs: now.getTime() + resetsInMs }
}

const NOT_BY_NAME = { throttled: null, counted: null }

const countByName = async (
  deps: Deps,
  name: string,
  now: Date,
): Promise<{ throttled: Throttled | null; counted: Counted | null }> => {
  const subject = nameSubject(name)
  const { lane, closedUntilMs, closesUntilMs } = await deps.ephemeral.guesses.take(
    subject,
    { network: null, othersClosedUntilMs: null },
    limitsOf(deps.policy.current()),
    now.getTime(),
  )
  if (closedUntilMs === null) return { throttled: null, counted: { subject, lane, closesUntilMs } }
  return { throttled: { reason: 'throttled_account', untilMs: closedUntilMs }, counted: null }
}

/** Counts one try of a password. */
export const takePasswordAttempt = async (deps: Deps, made: PasswordTry): Promise<PasswordAttempt> => {
  const { name, ip, now } = made
  const byNetwork = await countByNetwork(deps, made)
  // Refused before the name is counted: a network that is throttled must not be able to throttle names.
  const byName = byNetwork || name === null ? NOT_BY_NAME : await countByName(deps, name, now)
  const refused = byNetwork ?? byName.throttled
  const subject = subjectOf(made)
  const { lane, closedUntilMs, closesUntilMs, state } = await deps.ephemeral.guesses.take(
    subject,
    { network: ip === null ? null : throttledNetwork(ip), othersClosedUntilMs: refused?.untilMs ?? null },
    limitsOf(deps.policy.current()),
    now.getTime(),
  )
  const admitted = closedUntilMs === null
  // A caller who is signed in may learn of the account's own budget.
  const own: Throttled | null = admitted ? null : { reason: 'throttled_account', untilMs: closedUntilMs }
  const throttled = refused ?? (name === null ? own : null)
  const inLane = admitted ? { subject, lane, closesUntilMs } : null
  return { made, lane, admitted, throttled, counted: { inLane, byName: byName.counted }, state }
}

/**
 * Gives the try back to each budget that has counted it, and `fromLane` tries to the account's lane. The name gets back no
 * more than this one: otherwise the answers to a stranger would show that somebody has signed in by it.
 */
const giveBack = async (
  deps: Deps,
  { made, counted: { inLane, byName } }: PasswordAttempt,
  fromLane: number,
): Promise<void> => {
  const { counters, guesses } = deps.ephemeral
  const nowMs = made.now.getTime()
  const back = (to: Counted | null, count: number) =>
    to && guesses.giveBack(to.subject, { lane: to.lane, count, closesUntilMs: to.closesUntilMs }, nowMs)
  await Promise.all([
    counters.decrement(networkCounter(made.ip), nowMs),
    back(inLane, fromLane),
    back(byName, 1),
  ])
}

/**
 * Settles a counted try: `verifying` gives the account, or null for a wrong password. A right password clears the count
 * of this network's lane, and leaves the failures of strangers. A try that could not be checked is given back.
 */
export const settlePasswordAttempt = async <T>(
  deps: Deps,
  attempt: PasswordAttempt,
  verifying: Promise<T | null>,
): Promise<T | null> => {
  const verified = await verifying.catch(async (error: unknown) => {
    // Where the counters are away too, it stays counted: the safe side.
    await giveBack(deps, attempt, 1).catch(() => {})
    throw error
  })
  if (verified !== null) await giveBack(deps, attempt, attempt.lane === 'others' ? 1 : EVERY)
  return verified
}

/** What is thrown for a throttled try. */
export const tooManyAttempts = ({ untilMs }: Throttled, now: Date): AuthError =>
  new AuthError('too_many_attempts', undefined, { retry_after: secondsUntil(untilMs, now) })

/** Gives an account all its tries back; the budgets of the networks stay as they are. */
export const forgetPasswordFailures = async (
  { ephemeral: { guesses } }: { ephemeral: { guesses: PasswordGuesses } },
  { id, username, email }: Pick<Account, 'id' | 'username' | 'email'>,
): Promise<void> => {
  const names = [username, email].flatMap((name) => (name === null ? [] : [nameSubject(name)]))
  await Promise.all([id, ...names].map((subject) => guesses.forget(subject)))
}
