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
import { matchAnswer } from '../authenticators/match-answer.ts'
import { accountTagOf } from '../crypto.ts'
import type { Deps } from '../deps.ts'
import type { AttemptTaken, ChallengeRecord } from '../ephemeral/ephemeral.ts'
import { AuthError, DependencyError } from '../errors.ts'
import { attemptLimits, type Method } from '../policy/policy.ts'
import { newSession } from '../sessions/new-session.ts'
import { mintTokens, type Tokens } from '../tokens/mint-tokens.ts'
import { secondsUntil } from './continue-sign-in.ts'
import { shapeOf } from './methods.ts'

export type Answer = { challengeToken: string; method: Method; code: string }

export type PassedChallenge = { status: 'authenticated' } & Tokens & { recovery_codes_remaining?: number }

type AttemptDeps = Pick<
  Deps,
  'config' | 'postgres' | 'ephemeral' | 'policy' | 'signingKeys' | 'sealer' | 'randomBytes' | 'clients'
>

type Taken = Extract<AttemptTaken, { kind: 'taken' }>

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
  const taken = await takeAttempt(deps, request, answer)
  const origin: Origin = { ...request, actor: { type: 'account', id: taken.record.accountId } }
  try {
    return await checkAnswer(deps, origin, answer, taken)
  } catch (error) {
    // Nothing was evaluated that the caller could learn from, so an outage does not lock people out.
    if (error instanceof DependencyError) await giveBack(deps, origin, answer)
    throw error
  }
}

const takeAttempt = async (
  deps: AttemptDeps,
  origin: Origin,
  { challengeToken, method, code }: Answer,
): Promise<Taken> => {
  if (accountTagOf('challenge', challengeToken) === null) throw await unknownChallenge(deps, origin)
  const limits = attemptLimits(deps.policy.current())
  const shape = shapeOf(method, code)
  const taken = await deps.ephemeral.challenges.takeAttempt(
    challengeToken,
    shape,
    limits,
    origin.now.getTime(),
  )
  if (taken.kind === 'taken') return taken
  if (taken.kind === 'locked') {
    const { accountId, clientId } = taken
    await recordEvent(deps, challengeRefused(origin, { accountId, clientId, reason: 'account_locked' }))
    const retryAfter = secondsUntil(taken.untilMs, origin.now)
    throw new AuthError('account_locked', undefined, { retry_after: retryAfter })
  }
  if (taken.kind === 'method_not_offered') {
    const offered = taken.methods.some((one) => one.split(':')[0] === method)
    throw offered
      ? new AuthError('invalid_request', `The code must have ${digitsOf(taken.methods)} digits.`, {
          fields: ['code'],
        })
      : new AuthError('invalid_request', `This challenge does not offer ${method}.`, { fields: ['method'] })
  }
  throw await unknownChallenge(deps, origin)
}

const digitsOf = (shapes: readonly string[]): string =>
  shapes.flatMap((shape) => shape.split(':')[1] ?? []).join(' or ')

const unknownChallenge = async (deps: AttemptDeps, origin: Origin): Promise<AuthError> => {
  await recordEvent(
    deps,
    challengeRefused(origin, { accountId: null, clientId: null, reason: 'unknown_challenge' }),
  )
  return new AuthError('invalid_challenge')
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
  taken: Taken,
): Promise<PassedChallenge> => {
  const { record, remaining } = taken
  const match = await matchAnswer(deps, record.accountId, answer, origin)
  if (match.kind === 'gone') throw new AuthError('invalid_challenge')
  if (match.account.status === 'disabled') return refuseDisabled(deps, origin, record)

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

const refuseDisabled = async (deps: AttemptDeps, origin: Origin, record: ChallengeRecord): Promise<never> => {
  const { accountId, clientId } = record
  await recordEvent(deps, challengeRefused(origin, { accountId, clientId, reason: 'account_disabled' }))
  throw new AuthError('account_disabled')
}

/** RFC 8176: a code of either kind is a one-time password, and with the first factor makes two. */
const SECOND_FACTOR = { amr: ['otp', 'mfa'], acr: 'aal2' } as const

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
      secondFactor: { amr: [...SECOND_FACTOR.amr], acr: SECOND_FACTOR.acr },
      ip: record.ip ?? origin.ip,
      userAgent: record.userAgent ?? origin.userAgent,
      replaces: replaced,
    },
    now,
  )
}
