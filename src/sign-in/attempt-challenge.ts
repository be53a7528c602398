// The only place where a second factor is checked at sign-in and step-up. Top to bottom:
//   1. take an attempt: counted before anything is looked at, on the challenge and on the account;
//   2. match the answer against the account's authenticators;
//   3. burn the time step, or use the recovery code up, with its audit event: durable, and once;
//   4. pass the challenge and open the session, in one step that exactly one caller wins;
//   5. sign the tokens.
// A crash after 3 costs the user one code; in no order of events is a code good twice.
import type { Account } from '../accounts/account.ts'
import { challengeFailed, challengePassed, challengeRefused } from '../audit/authentication-events.ts'
import type { AuditEvent, Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import { CODE_FACTOR } from '../authenticators/code.ts'
import { matchAnswer } from '../authenticators/match-answer.ts'
import type { Deps } from '../deps.ts'
import type { ChallengeRecord } from '../ephemeral/ephemeral.ts'
import { AuthError, DependencyError } from '../errors.ts'
import { decide } from '../policy/decide.ts'
import { attemptLimits } from '../policy/policy.ts'
import { newSession } from '../sessions/new-session.ts'
import { mintTokens, type Tokens } from '../tokens/mint-tokens.ts'
import { type Answer, type TakenAttempt, takeChallengeAttempt } from './take-challenge-attempt.ts'

export type PassedChallenge = { status: 'authenticated' } & Tokens & { recovery_codes_remaining?: number }

type AttemptDeps = Pick<
  Deps,
  'config' | 'postgres' | 'ephemeral' | 'policy' | 'signingKeys' | 'sealer' | 'randomBytes' | 'clients'
>

/**
 * Answers a challenge.
 * @throws {AuthError} invalid_challenge, invalid_request (a method that is not offered), invalid_code,
 *   account_locked, account_disabled
 */
export const attemptChallenge = async (
  deps: AttemptDeps,
  request: Origin,
  answer: Answer,
): Promise<PassedChallenge> => {
  const taken = await takeChallengeAttempt(deps, request, answer)
  const origin: Origin = { ...request, actor: { type: 'account', id: taken.record.accountId } }
  try {
    return await checkAnswer(deps, origin, answer, taken)
  } catch (error) {
    // Nothing was evaluated that the caller could learn from, so an outage does not lock people out.
    if (error instanceof DependencyError) await giveBack(deps, origin, answer)
    throw error
  }
}

const giveBack = (deps: AttemptDeps, { now }: Origin, { challengeToken }: Answer): Promise<void> =>
  deps.ephemeral.challenges
    .giveBack(challengeToken, attemptLimits(deps.policy.current()), now.getTime())
    // Redis may be the one that is away. The attempt stays counted then, which is the safe side.
    .catch(() => {})

const checkAnswer = async (
  deps: AttemptDeps,
  origin: Origin,
  answer: Answer,
  taken: TakenAttempt,
): Promise<PassedChallenge> => {
  const { record, remaining } = taken
  const match = await matchAnswer(deps, record.accountId, answer, origin)
  if (match.kind === 'gone') throw new AuthError('invalid_challenge')
  await askGate(deps, origin, record, match.account)

  const refuse = async (
    reason: string,
    recordFailure: (event: AuditEvent) => Promise<void>,
  ): Promise<never> => {
    const { accountId, clientId } = record
    const about = { accountId, clientId, method: answer.method, reason, attemptsRemaining: remaining }
    await recordFailure(challengeFailed(origin, about))
    throw new AuthError('invalid_code', undefined, {
      attempts_remaining: remaining,
      ...(remaining === 0 && { retry_after: deps.policy.current().lockout }),
    })
  }
  if (match.kind === 'wrong') return refuse('wrong_code', match.recordFailure)

  const { session, refreshToken } = await prepareSession(deps, origin, record, match.account)
  const event = challengePassed(origin, {
    accountId: record.accountId,
    clientId: record.clientId,
    sessionId: session.sid,
    purpose: record.purpose,
    method: answer.method,
    amr: session.amr,
    ...(match.authenticatorId && { authenticatorId: match.authenticatorId }),
  })
  const burned = await match.burn(event)
  if (!burned) return refuse('replayed_code', (failure) => recordEvent(deps, failure))

  const { challengeToken } = answer
  const won = await deps.ephemeral.challenges.pass(
    challengeToken,
    session,
    taken.sessionEpoch,
    origin.now.getTime(),
  )
  if (!won) throw new AuthError('invalid_challenge')
  const client = await clientOf(deps, record)
  return {
    status: 'authenticated',
    ...mintTokens(deps, session, { account: match.account, client, refreshToken }, origin.now),
    ...(match.recoveryCodesRemaining !== null && { recovery_codes_remaining: match.recoveryCodesRemaining }),
  }
}

const clientOf = async (deps: AttemptDeps, record: ChallengeRecord) => {
  const client = await deps.clients.find(record.clientId)
  if (!client)
    throw new AuthError('invalid_challenge', 'The client of this challenge is no longer registered.')
  return client
}

/** The gate once more, as if the code had passed: the account and the policy may have changed since the login. */
const askGate = async (
  deps: AttemptDeps,
  origin: Origin,
  { accountId, clientId }: ChallengeRecord,
  account: Account,
): Promise<void> => {
  const proven = { secondFactorAt: Math.floor(origin.now.getTime() / 1000) }
  const decision = decide(deps.policy.current(), account, proven, origin.now)
  if (decision.kind === 'allow') return
  const [reason = decision.kind] = decision.reasons
  await recordEvent(deps, challengeRefused(origin, { accountId, clientId, reason }))
  throw new AuthError(decision.kind === 'deny' ? 'account_disabled' : 'invalid_challenge')
}

/** The session to open; at step-up, in the place of the one that asked for it, which keeps its absolute end. */
const prepareSession = async (
  deps: AttemptDeps,
  origin: Origin,
  record: ChallengeRecord,
  account: Account,
) => {
  const { now } = origin
  const replaced = record.sid
    ? await deps.ephemeral.sessions.touch(account.id, record.sid, now.getTime())
    : null
  if (record.sid && !replaced)
    throw new AuthError('invalid_challenge', 'The session of this step-up has ended.')
  return newSession(
    deps,
    deps.policy.current(),
    {
      accountId: account.id,
      clientId: record.clientId,
      scope: record.scope,
      amr: record.amr,
      // RFC 9470: what asked for the step-up reads in `auth_time` that it has happened.
      authTime: replaced ? Math.floor(now.getTime() / 1000) : record.authTime,
      secondFactor: CODE_FACTOR,
      ip: record.ip ?? origin.ip,
      userAgent: record.userAgent ?? origin.userAgent,
      replaces: replaced,
    },
    now,
  )
}
