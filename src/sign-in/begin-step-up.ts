// Step-up (RFC 9470): a fresh second factor inside a session. If what the session has shown is not fresh enough, this
// opens a challenge that is bound to the session; passing it replaces the session by a new one.

import type { AccountWithFactors } from '../accounts/details.ts'
import { requireUnlocked } from '../accounts/refuse-locked.ts'
import type { Origin } from '../audit/event.ts'
import { answerShapes, longestDigits, offeredMethods } from '../authenticators/code.ts'
import type { AccountCaller } from '../callers/authenticate-account.ts'
import type { SessionCaller, UsingCaller } from '../callers/authenticate-session.ts'
import { refuseSession, sessionRefused } from '../callers/refuse-session.ts'
import { type Client, isPublic, registrationOf } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { newAccountToken } from '../encryption/opaque-token.ts'
import type { Epochs } from '../ephemeral/ephemeral.ts'
import type { SessionRecord } from '../ephemeral/sessions.ts'
import { AuthError } from '../errors.ts'
import { isWithin } from '../policy/age.ts'
import type { Policy } from '../policy/policy.ts'
import { tightenPolicy } from '../policy/tighten-policy.ts'
import type { ChallengeOpened } from './continue-sign-in.ts'

/** `maxAgeSeconds` undefined: for a second factor, the policy's maximum; for a first one, any age. */
type StepUpRequest = {
  acr: 'aal1' | 'aal2' | 'phr'
  maxAgeSeconds: number | undefined
  /** Who asks: the session's client at a renewal, or null for the account; who asked answers (docs/security.md 43). */
  client: Client | null
}

/** What the session has shown already; nothing new is signed. `authTime` in epoch seconds. */
type StepUpResult = { status: 'authenticated'; session: SessionRecord } | ChallengeOpened

/** A browser's session changes its key at a step-up, which only the browser may see. */
export const STEP_UP_IN_BROWSER =
  'This session is stepped up in the browser: send the user to the authorization endpoint with acr_values and max_age.'

type StepUpDeps = Pick<Deps, 'postgres' | 'ephemeral' | 'policy' | 'clients' | 'randomBytes'>

/** The policy for the client of the session, whoever asks; a client that is gone makes nothing stricter. */
const policyOf = async (deps: StepUpDeps, { clientId }: SessionRecord): Promise<Policy> => {
  const client = await deps.clients.find(clientId)
  return client ? tightenPolicy(deps.policy.current(), client) : deps.policy.current()
}

/**
 * Begins a step-up.
 * @throws {AuthError} unmet_authentication_requirements, policy_violation where there is nothing to step up with,
 *   insufficient_user_authentication where only a new sign-in helps, account_locked, conflict
 */
export const beginStepUp = async (
  deps: StepUpDeps,
  caller: AccountCaller,
  { acr, maxAgeSeconds: asked = Number.POSITIVE_INFINITY, client }: StepUpRequest,
): Promise<StepUpResult> => {
  const { session, account, details, origin } = caller
  if (acr === 'phr') {
    const text = 'No authenticator of this account resists phishing.'
    const error = new AuthError('unmet_authentication_requirements', text, { fields: ['acr'] })
    return refuseSession(deps, caller, 'acr_unmet', error)
  }
  const policy = await policyOf(deps, session)
  const maxAgeSeconds = acr === 'aal1' ? asked : Math.min(asked, policy.second_factor_max_age)
  if (hasShown(session, acr, maxAgeSeconds, origin.now)) return { status: 'authenticated', session }
  if (session.inBrowser) {
    const details = { acr_values: acr, max_age: maxAgeSeconds }
    const error = new AuthError('insufficient_user_authentication', STEP_UP_IN_BROWSER, details)
    return refuseSession(deps, caller, 'browser_session', error)
  }
  if (account.enrolledAuthenticators === 0) {
    return refuseSession(deps, caller, 'nothing_enrolled', nothingToAsk(acr, maxAgeSeconds))
  }
  const locked = sessionRefused(caller, 'account_locked')
  const epochs = await requireUnlocked(deps, locked, { accountId: account.id, now: origin.now })
  const shapes = await usableShapes(deps, caller, { details, policy })
  return openStepUp(deps, origin, session, { client, shapes, epochs })
}

/**
 * Begins the step-up of a browser's session, whose page asks for the answer. `client` asks for it: its policy counts.
 * @throws {AuthError} account_locked, policy_violation where there is nothing to step up with, conflict
 */
export const beginBrowserStepUp = async (
  deps: StepUpDeps & Pick<Deps, 'accounts'>,
  caller: UsingCaller,
  client: Client,
): Promise<ChallengeOpened> => {
  const { session, origin } = caller
  const details = await deps.accounts.find(session.accountId, session.accountVersion)
  if (!details) throw new AuthError('conflict', 'The account was changed meanwhile; begin again.')
  const locked = sessionRefused(caller, 'account_locked')
  const epochs = await requireUnlocked(deps, locked, { accountId: session.accountId, now: origin.now })
  const policy = tightenPolicy(deps.policy.current(), client)
  const shapes = await usableShapes(deps, caller, { details, policy })
  const asking = { ...session, ...registrationOf(client) }
  return openStepUp(deps, origin, asking, { client: null, shapes, epochs })
}

const usableShapes = async (
  deps: StepUpDeps,
  caller: SessionCaller,
  { details, policy }: { details: AccountWithFactors; policy: Policy },
): Promise<string[]> => {
  const shapes = answerShapes(policy.allowed_methods, details)
  if (shapes.length > 0) return shapes
  const text = 'No second factor of this account can be used any more; an administrator can reset it.'
  return refuseSession(deps, caller, 'nothing_usable', new AuthError('policy_violation', text))
}

/** Zero asks for a new authentication in any case (OpenID Connect Core 3.1.2.1). */
const hasShown = (
  { acr, authTime, secondFactorAt }: SessionRecord,
  asked: 'aal1' | 'aal2',
  maxAgeSeconds: number,
  now: Date,
): boolean => {
  const secondFactor = acr === 'aal1' ? null : secondFactorAt
  const shownAt = asked === 'aal1' ? Math.max(authTime, secondFactor ?? 0) : secondFactor
  return shownAt !== null && isWithin(maxAgeSeconds, shownAt, now)
}

const nothingToAsk = (acr: 'aal1' | 'aal2', maxAgeSeconds: number): AuthError =>
  acr === 'aal2'
    ? new AuthError('policy_violation', 'The account has no second factor; enroll one first.')
    : new AuthError('insufficient_user_authentication', 'The sign-in is too long ago; sign in again.', {
        acr_values: acr,
        max_age: maxAgeSeconds,
      })

const openStepUp = async (
  deps: StepUpDeps,
  origin: Origin,
  session: SessionRecord,
  { client, shapes, epochs }: { client: Client | null; shapes: string[]; epochs: Required<Epochs> },
): Promise<ChallengeOpened> => {
  const { accountId, clientId, clientRegisteredAt, scope, amr, authTime, sid, ip, userAgent } = session
  const about = { accountId, clientId, clientRegisteredAt, scope, amr, authTime, sid }
  const token = newAccountToken('challenge', accountId, deps.randomBytes)
  const ttlSeconds = deps.policy.current().challenge_ttl
  const opened = await deps.ephemeral.challenges.open(token, {
    record: {
      ...about,
      purpose: client ? 'renewal' : 'step_up',
      endUser: { ip, userAgent },
      byBackend: client !== null && !isPublic(client),
    },
    methods: shapes,
    ttlSeconds,
    epochs,
    nowMs: origin.now.getTime(),
  })
  if (!opened) throw new AuthError('conflict', 'The account was changed meanwhile; begin again.')
  return {
    status: 'challenge_required',
    digits: longestDigits(shapes),
    token,
    expiresInSeconds: ttlSeconds,
    methods: offeredMethods(shapes),
    reasons: ['step_up_requested'],
  }
}
