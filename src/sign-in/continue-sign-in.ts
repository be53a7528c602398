// What follows a passed primary authentication, whoever checked it: the gate decides, and the account gets a session, a
// challenge, or an enrollment. Every sign-in passes here.
import type { AccountWithFactors } from '../accounts/details.ts'
import { findAccountWithFactors } from '../accounts/details-store.ts'
import { refuseLocked } from '../accounts/refuse-locked.ts'
import { type Decided, recordFirstFactor, recordSignIn } from '../accounts/store.ts'
import { primaryAuthenticationFailed, primaryAuthenticationPassed } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import { answerShapes, longestDigits, offeredMethods } from '../authenticators/code.ts'
import { type Client, isPublic, registrationOf } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { newAccountToken } from '../encryption/opaque-token.ts'
import type { AccountState, EndUser } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'
import { type Decision, decide } from '../policy/decide.ts'
import { ENROLLMENT_TTL_SECONDS, type Method } from '../policy/policy.ts'
import { withSecondFactor } from '../policy/require-second-factor.ts'
import { tightenPolicy } from '../policy/tighten-policy.ts'
import type { SessionMaker } from '../sessions/new-session.ts'
import { notifyOfEnded } from '../sessions/notify-clients.ts'
import type { Tokens } from '../tokens/mint-tokens.ts'
import type { OpenedSession } from './issue-tokens.ts'

/** A passed primary authentication. */
export type PrimaryAuthentication = Decided & {
  /** Read before the account was, so that nothing is opened if sessions or challenges have been ended since. */
  state: AccountState
  /** Where they were read with the account. */
  details?: AccountWithFactors
  client: Client
  scope: string
  /** RFC 8176. */
  amr: string[]
  /** Where the end user is, if a client's backend asks on their behalf; null: where the request comes from. */
  endUser: EndUser | null
  /** Left out: `login`. */
  purpose?: 'login' | 'vouched' | 'browser'
  /** What the application asks for besides what the policy does; left out: nothing. */
  needs?: 'second_factor' | null
}

/** What is to be done before the account gets tokens: `token` is what does it. */
type NextStep = { token: string; expiresInSeconds: number; methods: Method[]; reasons: string[] }

type SignedIn<Credentials> = { status: 'authenticated'; opened: OpenedSession<Credentials> }
/** `digits`: of the account's TOTP codes, for a page; the policy may say another number for new authenticators. */
export type ChallengeOpened = { status: 'challenge_required'; digits: 6 | 8 } & NextStep
export type EnrollmentOpened = { status: 'enrollment_required' } & NextStep

export type SignInResult<Credentials> = SignedIn<Credentials> | ChallengeOpened | EnrollmentOpened

/** The same, for a client that has its tokens. */
export type SignInAnswered = { status: 'authenticated'; tokens: Tokens } | ChallengeOpened | EnrollmentOpened

type SignInDeps = Pick<Deps, 'postgres' | 'ephemeral' | 'policy' | 'randomBytes' | 'clients' | 'notices'>

const epochSeconds = (date: Date): number => Math.floor(date.getTime() / 1000)

const passedEvent = (origin: Origin, primary: PrimaryAuthentication, decision: Decision) =>
  primaryAuthenticationPassed(origin, {
    accountId: primary.account.id,
    clientId: primary.client.clientId,
    amr: primary.amr,
    decision: decision.kind,
    reasons: decision.reasons,
  })

const grounds = (primary: PrimaryAuthentication, origin: Origin) => ({
  accountId: primary.account.id,
  ...registrationOf(primary.client),
  scope: primary.scope,
  amr: primary.amr,
  authTime: epochSeconds(origin.now),
})

const authenticate = async <Credentials>(
  deps: SignInDeps,
  origin: Origin,
  primary: PrimaryAuthentication,
  { decision, makeSession }: { decision: Decision; makeSession: SessionMaker<Credentials> },
): Promise<SignedIn<Credentials>> => {
  const { now } = origin
  const endUser = primary.endUser ?? origin
  const { session, credentials } = makeSession(
    deps,
    tightenPolicy(deps.policy.current(), primary.client),
    {
      ...grounds(primary, origin),
      account: primary.account,
      ip: endUser.ip,
      userAgent: endUser.userAgent,
      vouched: primary.purpose === 'vouched',
      secondFactor: null,
      replaces: null,
    },
    now,
  )
  const event = { ...passedEvent(origin, primary, decision), session_id: session.sid }
  if (!(await recordSignIn(deps, primary, now, event))) return refuseChanged(deps, origin, primary)
  const opened = await deps.ephemeral.sessions.open(session, primary.state, now.getTime())
  if (!opened) return refuseChanged(deps, origin, primary)
  const { account, client } = primary
  await notifyOfEnded(deps, account.id, opened)
  return { status: 'authenticated', opened: { session, account, client, credentials } }
}

const challenge = async (
  deps: SignInDeps,
  origin: Origin,
  primary: PrimaryAuthentication,
  decision: Extract<Decision, { kind: 'challenge' }>,
): Promise<ChallengeOpened> => {
  const { account } = primary
  const details = primary.details ?? (await findAccountWithFactors(deps, account.id))
  if (!details) return refuseChanged(deps, origin, primary)
  const shapes = answerShapes(decision.methods, details)
  if (shapes.length === 0) {
    await recordEvent(deps, refusedEvent(origin, primary, 'nothing_usable'))
    throw new AuthError(
      'policy_violation',
      'No second factor of this account can be used any more; an administrator can reset it.',
    )
  }
  const token = newAccountToken('challenge', account.id, deps.randomBytes)
  const ttlSeconds = deps.policy.current().challenge_ttl
  const opening = deps.ephemeral.challenges.open(token, {
    record: {
      ...grounds(primary, origin),
      purpose: primary.purpose ?? 'login',
      sid: null,
      endUser: primary.endUser,
      byBackend: primary.purpose !== 'browser' && !isPublic(primary.client),
    },
    methods: shapes,
    ttlSeconds,
    epochs: primary.state,
    nowMs: origin.now.getTime(),
  })
  // Both at once: nobody has the token of a challenge that was opened before the other was refused.
  const recording = recordFirstFactor(deps, primary, passedEvent(origin, primary, decision))
  const [opened, recorded] = await Promise.all([opening, recording])
  if (!opened || !recorded) return refuseChanged(deps, origin, primary)
  return {
    status: 'challenge_required',
    digits: longestDigits(shapes),
    token,
    expiresInSeconds: ttlSeconds,
    methods: offeredMethods(shapes),
    reasons: decision.reasons,
  }
}

const enroll = async (
  deps: SignInDeps,
  origin: Origin,
  primary: PrimaryAuthentication,
  decision: Extract<Decision, { kind: 'enroll' }>,
): Promise<EnrollmentOpened> => {
  const passed = passedEvent(origin, primary, decision)
  if (!(await recordFirstFactor(deps, primary, passed))) return refuseChanged(deps, origin, primary)
  const token = newAccountToken('enrollment', primary.account.id, deps.randomBytes)
  const opened = await deps.ephemeral.enrollments.open(token, {
    record: {
      ...grounds(primary, origin),
      endUser: primary.endUser,
    },
    ttlSeconds: ENROLLMENT_TTL_SECONDS,
    epochs: primary.state,
    nowMs: origin.now.getTime(),
  })
  if (!opened) return refuseChanged(deps, origin, primary)
  return {
    status: 'enrollment_required',
    token,
    expiresInSeconds: ENROLLMENT_TTL_SECONDS,
    methods: decision.methods,
    reasons: decision.reasons,
  }
}

/**
 * Continues a sign-in whose primary authentication has passed.
 * @throws {AuthError} account_locked, account_disabled, policy_violation, conflict
 */
export const continueSignIn = async <Credentials>(
  deps: SignInDeps,
  origin: Origin,
  primary: PrimaryAuthentication,
  makeSession: SessionMaker<Credentials>,
): Promise<SignInResult<Credentials>> => {
  const { account, client, state } = primary
  const policy = tightenPolicy(deps.policy.current(), client)
  const asked = primary.needs === 'second_factor' ? withSecondFactor(policy) : policy
  const decision = decide(asked, account, { secondFactorAt: null }, origin.now)
  if (decision.kind === 'deny') {
    await recordEvent(deps, refusedEvent(origin, primary, 'account_disabled'))
    throw new AuthError('account_disabled')
  }
  if (state.lockedUntilMs !== null) {
    const event = refusedEvent(origin, primary, 'account_locked')
    return refuseLocked(deps, event, { untilMs: state.lockedUntilMs, now: origin.now })
  }
  if (decision.kind === 'challenge') return challenge(deps, origin, primary, decision)
  if (decision.kind === 'enroll') return enroll(deps, origin, primary, decision)
  return authenticate(deps, origin, primary, { decision, makeSession })
}

const refusedEvent = (origin: Origin, { account, client }: PrimaryAuthentication, reason: string) =>
  primaryAuthenticationFailed(origin, { accountId: account.id, clientId: client.clientId, reason })

/** A change of the account while a sign-in is under way ends the sign-in (docs/security.md 39). */
const refuseChanged = async (
  deps: SignInDeps,
  origin: Origin,
  primary: PrimaryAuthentication,
): Promise<never> => {
  await recordEvent(deps, refusedEvent(origin, primary, 'changed_meanwhile'))
  throw new AuthError('conflict', 'The account was changed meanwhile; sign in again.')
}
