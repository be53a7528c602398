// How every code is counted, checked and refused, whatever it is for (docs/security.md 5, 6):
//   1. an attempt is counted, on the challenge and its account or on the account alone, before anything is checked:
//      so any number of parallel guesses is held to the limit;
//      A malformed code is refused before that, and counts for nothing;
//   2. the code is compared with what the account has, or with the one authenticator that it is to confirm;
//   3. a wrong code is refused, and the refusal recorded. A right one is returned as data; the caller burns it.
//
// Decision: an attempt is given back only where the code was not compared (PostgreSQL or a key is away, or what it is to
// confirm is no longer pending), or was right and could not be burned. So five tries in an outage lock nobody out, and every
// wrong code is counted: whoever can make a later step fail cannot guess without end. A right code whose later step fails
// stays counted until the next right code clears the count.
import type { Account } from '../accounts/account.ts'
import { changingAccount } from '../accounts/change-under-version.ts'
import { refuseLocked } from '../accounts/refuse-locked.ts'
import { authenticatorDisabled, codeRefused } from '../audit/account-events.ts'
import { challengeFailed, challengeRefused } from '../audit/authentication-events.ts'
import type { AuditEvent, Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import { accountTagOf } from '../encryption/opaque-token.ts'
import type { Answerer, ChallengeRecord } from '../ephemeral/ephemeral.ts'
import { isAnsweredBy } from '../ephemeral/records.ts'
import { AuthError } from '../errors.ts'
import { attemptLimits, type Method } from '../policy/policy.ts'
import { digitsOf, methodOf, refuseMisshapen, shapeOf } from './code.ts'
import { type Answer, type Match, matchAnswer, matchPending, type TotpMatch } from './match-answer.ts'
import { refuseForeignAnswer } from './refuse-foreign-answer.ts'
import { recordTotpFailure } from './store.ts'

type AttemptDeps = Pick<Deps, 'postgres' | 'ephemeral' | 'policy' | 'sealer' | 'clock' | 'accounts'>

type GivingBackDeps = Pick<Deps, 'ephemeral' | 'policy'>

/** A counted attempt: at a challenge, or of the account where a code is asked for without a challenge. */
export type Attempt = ChallengeAttempt | AccountAttempt
export type ChallengeAttempt = Counted & { at: 'challenge'; challengeToken: string; record: ChallengeRecord }
export type AccountAttempt = Counted & AskedFor & { at: 'account' }

/** `remaining` attempts after this one; `sessionEpoch` and `accountVersion` were the account's when it was counted. */
type Counted = { accountId: string; remaining: number; sessionEpoch: number; accountVersion: string }
type AskedFor = { accountId: string; sessionId: string | null; purpose: 'confirm' | 'disable' }

/**
 * Takes one attempt at a challenge. A refusal is recorded with its reason.
 * @throws {AuthError} invalid_challenge, invalid_client, account_locked, invalid_request (a method or a length that is not
 *   offered, or a method that the policy admits no longer; it spends no attempt)
 */
export const takeChallengeAttempt = async (
  deps: AttemptDeps,
  origin: Origin,
  at: { challengeToken: string; answerer: Answerer },
  { method, code }: Answer,
): Promise<ChallengeAttempt> => {
  refuseMisshapen(method, code)
  const { challengeToken, answerer } = at
  const policy = deps.policy.current()
  if (!policy.allowed_methods.includes(method)) return refuseDropped(deps, origin, at, method)
  const refused = { accountId: null, clientId: null, reason: 'unknown_challenge' }
  const by = { method: shapeOf(method, code), answerer }
  const taken =
    accountTagOf('challenge', challengeToken) === null
      ? ({ kind: 'unknown' } as const)
      : await deps.ephemeral.challenges.takeAttempt(
          challengeToken,
          by,
          attemptLimits(policy),
          origin.now.getTime(),
        )
  if (taken.kind === 'taken') {
    const { kind, record, ...counted } = taken
    return { at: 'challenge', challengeToken, record, accountId: record.accountId, ...counted }
  }
  if (taken.kind === 'locked') {
    const { accountId, clientId, untilMs } = taken
    const event = challengeRefused(origin, { accountId, clientId, reason: 'account_locked' })
    return refuseLocked(deps, event, { untilMs, now: origin.now })
  }
  if (taken.kind === 'foreign') return refuseForeignAnswer(deps, origin, answerer, taken.record)
  if (taken.kind === 'method_not_offered') throw notOffered(method, taken.methods)
  await recordEvent(deps, challengeRefused(origin, refused))
  throw new AuthError('invalid_challenge')
}

/** The method was offered when the challenge was opened; the policy no longer allows it. */
const refuseDropped = async (
  deps: AttemptDeps,
  origin: Origin,
  { challengeToken, answerer }: { challengeToken: string; answerer: Answerer },
  method: Method,
): Promise<never> => {
  const record = await deps.ephemeral.challenges.find(challengeToken, origin.now.getTime())
  if (record && !isAnsweredBy(record, answerer)) return refuseForeignAnswer(deps, origin, answerer, record)
  const about = { accountId: record?.accountId ?? null, clientId: record?.clientId ?? null }
  await recordEvent(deps, challengeRefused(origin, { ...about, reason: 'method_not_allowed' }))
  throw notOffered(method, [])
}

const notOffered = (method: Method, shapes: readonly string[]): AuthError =>
  shapes.some((shape) => methodOf(shape) === method)
    ? new AuthError('invalid_request', `The code must have ${digitsOf(shapes).join(' or ')} digits.`, {
        fields: ['code'],
      })
    : new AuthError('invalid_request', `This challenge does not offer ${method}.`, { fields: ['method'] })

/**
 * Takes one attempt of an account, for a code that is asked for without a challenge.
 * @throws {AuthError} account_locked; invalid_request for a malformed code, which spends no attempt
 */
export const takeAccountAttempt = async (
  deps: AttemptDeps,
  origin: Origin,
  asked: AskedFor,
  { method, code }: Answer,
): Promise<AccountAttempt> => {
  refuseMisshapen(method, code)
  const limits = attemptLimits(deps.policy.current())
  const taken = await deps.ephemeral.budgets.take(asked.accountId, limits, origin.now.getTime())
  if (taken.kind === 'taken') return { at: 'account', ...asked, ...taken, accountVersion: '' }
  const event = codeRefused(origin, { ...asked, reason: 'account_locked' })
  return refuseLocked(deps, event, { untilMs: taken.untilMs, now: origin.now })
}

/**
 * Compares the answer of a counted attempt. Returns what it matches, which is still to be burned.
 * @throws {AuthError} invalid_code; invalid_challenge or invalid_token where the account is gone
 */
export const checkCode = async (
  deps: AttemptDeps,
  origin: Origin,
  attempt: Attempt,
  answer: Answer,
): Promise<{ account: Account; match: Match }> => {
  const compared = matchAnswer(deps, attempt, answer, origin.now)
  const { account, match } = await orGiveBack(deps, origin, attempt, compared)
  if (!account) throw new AuthError(attempt.at === 'challenge' ? 'invalid_challenge' : 'invalid_token')
  if (match) return { account, match }
  return refuseCode(deps, origin, attempt, { method: answer.method, reason: 'wrong_code' })
}

/**
 * Compares the code that is to confirm a pending authenticator with that one alone; what it matches.
 * @throws {AuthError} invalid_code; not_found where the authenticator is no longer pending
 */
export const checkPendingCode = async (
  deps: AttemptDeps,
  origin: Origin,
  attempt: AccountAttempt,
  { authenticatorId, code }: { authenticatorId: string; code: string },
): Promise<TotpMatch> => {
  const pending = { accountId: attempt.accountId, authenticatorId }
  const match = await orGiveBack(deps, origin, attempt, matchPending(deps, pending, code, origin.now))
  return match ?? refuseCode(deps, origin, attempt, { method: 'totp', reason: 'wrong_code' })
}

/** Waits for what an attempt needs; where it cannot be had, gives the attempt back. */
export const orGiveBack = <Needed>(
  deps: GivingBackDeps,
  origin: Origin,
  attempt: Attempt,
  needed: Promise<Needed>,
): Promise<Needed> =>
  needed.catch(async (error) => {
    await giveBack(deps, attempt, origin.now)
    throw error
  })

const giveBack = async (deps: GivingBackDeps, attempt: Attempt, now: Date): Promise<void> => {
  const { challenges, budgets } = deps.ephemeral
  const limits = attemptLimits(deps.policy.current())
  const given =
    attempt.at === 'challenge'
      ? challenges.giveBack(attempt.challengeToken, limits, now.getTime())
      : budgets.giveBack(attempt.accountId, limits)
  // Redis may be away too. Then the attempt stays counted, which is the safe side.
  await given.catch(() => {})
}

/** Why a code is refused that has been compared. */
type Refused = { method: Method; reason: 'wrong_code' | 'replayed_code' }

/**
 * Ends an attempt whose code was wrong, or had been burned before. It stays counted.
 * @throws {AuthError} invalid_code, always
 */
export const refuseCode = async (
  deps: Omit<AttemptDeps, 'sealer'>,
  origin: Origin,
  attempt: Attempt,
  refused: Refused,
): Promise<never> => {
  const event = failureOf(origin, attempt, refused)
  if (countsAgainstTotp(attempt, refused)) await recordWrongTotp(deps, origin, attempt.accountId, event)
  else await recordEvent(deps, event)
  throw new AuthError('invalid_code', undefined, {
    attempts_remaining: attempt.remaining,
    ...(attempt.remaining === 0 && { retry_after: deps.policy.current().lockout }),
  })
}

/** Not for a replayed code, which was right; nor for a code that confirms an authenticator, which is not enrolled yet. */
const countsAgainstTotp = (attempt: Attempt, { method, reason }: Refused): boolean =>
  method === 'totp' && reason === 'wrong_code' && !(attempt.at === 'account' && attempt.purpose === 'confirm')

const failureOf = (origin: Origin, attempt: Attempt, { method, reason }: Refused): AuditEvent => {
  const { remaining: attemptsRemaining, accountId } = attempt
  if (attempt.at === 'account') return codeRefused(origin, { ...attempt, reason, attemptsRemaining })
  const { clientId } = attempt.record
  return challengeFailed(origin, { accountId, clientId, method, reason, attemptsRemaining })
}

const recordWrongTotp = async (
  deps: Omit<AttemptDeps, 'sealer'>,
  origin: Origin,
  accountId: string,
  event: AuditEvent,
): Promise<void> => {
  // One failure too many disables an authenticator.
  const disabled = await changingAccount(deps, accountId, (postgres) =>
    recordTotpFailure({ postgres }, accountId, event),
  )
  for (const authenticatorId of disabled) {
    const about = { accountId, sessionId: null, authenticatorId, type: 'totp' }
    await recordEvent(deps, authenticatorDisabled(origin, about))
  }
}
