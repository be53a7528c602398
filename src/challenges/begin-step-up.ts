// Step-up (RFC 9470): a fresh second factor inside a session. What the session has shown already is enough, or
// a challenge is opened that is bound to it; passing that one puts a new session in its place.
import { accessRefused } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import { findAnswerable } from '../authenticators/store.ts'
import { newAccountToken } from '../crypto.ts'
import type { Deps } from '../deps.ts'
import type { SessionRecord } from '../ephemeral/ephemeral.ts'
import { AuthError, type ErrorCode, type ErrorDetails } from '../errors.ts'
import type { Caller } from '../sessions/authenticate-account.ts'
import { type SignInAnswer, secondsUntil } from './continue-sign-in.ts'
import { answerShapes, offeredMethods } from './methods.ts'

/** `maxAgeSeconds` undefined: what the policy says of a second factor; of a first one, any age. */
export type StepUpRequest = { acr: 'aal1' | 'aal2' | 'phr'; maxAgeSeconds: number | undefined }

/** What the session vouches for as it stands; nothing new is signed. `authTime` in epoch seconds. */
export type StepUpAnswer =
  | { status: 'authenticated'; session: SessionRecord }
  | Extract<SignInAnswer, { status: 'challenge_required' }>

type StepUpDeps = Pick<Deps, 'postgres' | 'ephemeral' | 'policy' | 'randomBytes'>

/** When the session last showed what `acr` asks for, in epoch seconds; null where it has not. */
const shownAt = ({ acr, authTime, secondFactorAt }: SessionRecord, asked: 'aal1' | 'aal2'): number | null => {
  if (asked === 'aal1') return Math.max(authTime, secondFactorAt ?? 0)
  return acr === 'aal1' ? null : secondFactorAt
}

const maxAgeOf = (
  deps: StepUpDeps,
  { acr, maxAgeSeconds = Number.POSITIVE_INFINITY }: StepUpRequest,
): number =>
  acr === 'aal1' ? maxAgeSeconds : Math.min(maxAgeSeconds, deps.policy.current().second_factor_max_age)

/**
 * Begins a step-up.
 * @throws {AuthError} unmet_authentication_requirements, policy_violation where there is nothing to step up with,
 *   insufficient_user_authentication where only a new sign-in helps, account_locked
 */
export const beginStepUp = async (
  deps: StepUpDeps,
  origin: Origin,
  { session, account }: Caller,
  request: StepUpRequest,
): Promise<StepUpAnswer> => {
  const { acr } = request
  const refuse = async (
    reason: string,
    ...error: [ErrorCode, string | undefined, ErrorDetails?]
  ): Promise<never> => {
    const { accountId, clientId, sid: sessionId } = session
    await recordEvent(deps, accessRefused(origin, { accountId, clientId, sessionId, reason }))
    throw new AuthError(...error)
  }
  if (acr === 'phr') {
    const text = 'No authenticator of this account resists phishing.'
    return refuse('acr_unmet', 'unmet_authentication_requirements', text, { fields: ['acr'] })
  }
  const maxAgeSeconds = maxAgeOf(deps, request)
  const shown = shownAt(session, acr)
  // Zero asks for a new authentication in any case (OpenID Connect Core 3.1.2.1).
  const fresh = maxAgeSeconds > 0 && shown !== null && origin.now.getTime() / 1000 - shown <= maxAgeSeconds
  if (fresh) return { status: 'authenticated', session }

  if (account.enrolledAuthenticators === 0) {
    return acr === 'aal2'
      ? refuse('nothing_enrolled', 'policy_violation', 'The account has no second factor; enroll one first.')
      : refuse('sign_in_not_fresh', 'insufficient_user_authentication', 'Sign in again.', {
          acr_values: acr,
          max_age: maxAgeSeconds,
        })
  }
  const { lockedUntilMs } = await deps.ephemeral.budgets.read(account.id, origin.now.getTime())
  if (lockedUntilMs !== null) {
    const details = { retry_after: secondsUntil(lockedUntilMs, origin.now) }
    return refuse('account_locked', 'account_locked', undefined, details)
  }
  const policy = deps.policy.current()
  const shapes = answerShapes(policy.allowed_methods, await findAnswerable(deps, account.id))
  if (shapes.length === 0) {
    const text = 'No second factor of this account can be used any more; an administrator can reset it.'
    return refuse('nothing_usable', 'policy_violation', text)
  }
  return openStepUp(deps, origin, session, shapes)
}

const openStepUp = async (
  deps: StepUpDeps,
  origin: Origin,
  session: SessionRecord,
  shapes: string[],
): Promise<StepUpAnswer> => {
  const { accountId, clientId, scope, amr, authTime, sid, ip, userAgent } = session
  const challengeToken = newAccountToken('challenge', accountId, deps.randomBytes)
  const ttlSeconds = deps.policy.current().challenge_ttl
  await deps.ephemeral.challenges.open(challengeToken, {
    record: { accountId, clientId, purpose: 'step_up', scope, amr, authTime, sid, ip, userAgent },
    methods: shapes,
    ttlSeconds,
    nowMs: origin.now.getTime(),
  })
  return {
    status: 'challenge_required',
    challenge_token: challengeToken,
    expires_in: ttlSeconds,
    methods: offeredMethods(shapes),
    reasons: ['step_up_requested'],
  }
}
