// What has to happen before an authorization request is answered with a code. Pure.
import { ACR_VALUES } from '../../clients/members.ts'
import type { SessionRecord } from '../../ephemeral/sessions.ts'
import { AuthError } from '../../errors.ts'
import { isWithin } from '../../policy/age.ts'
import type { Decision } from '../../policy/decide.ts'
import type { Acr, AuthorizationRequest } from './authorization-request.ts'

/** What the browser's user has done for this request already. */
export type Done = {
  /** The account that has signed in for it; null for none. */
  signedIn: string | null
  /** The account that was chosen for it; null for none. */
  selected: string | null
  /** Consent was given just now. */
  consented: boolean
  /** It was sent to create an account, and its user has one and wants to sign in. */
  prefersSignIn: boolean
}

/** The browser's session, and what the gate says of it. */
export type SignedIn = Pick<SessionRecord, 'accountId' | 'authTime' | 'acr'> & {
  decision: Decision
  enrolledAuthenticators: number
  /** It is another account than the one that `id_token_hint`, or the claim `sub`, names. */
  isAnother: boolean
  /** Consent that was given earlier covers the request, or none is needed. */
  isConsented: boolean
}

/** `reason`: why a signed-in user has to do something again; for the page to say. */
export type Interaction =
  | { kind: 'sign_in'; reason: 'not_signed_in' | 'asked_for' | 'too_long_ago' | 'another_account' }
  | { kind: 'register' }
  | { kind: 'select_account' }
  | { kind: 'step_up' }
  | { kind: 'enroll' }
  | { kind: 'consent' }
  | { kind: 'answer' }

/**
 * For so long a sign-in counts for the request that has asked for it, in seconds: its user may enroll and consent meanwhile.
 * A page address of it that is found in the browser's history later is worth nothing.
 */
const SIGNED_IN_COUNTS_SECONDS = 30 * 60

const hasSignedIn = ({ signedIn }: Done, { accountId, authTime }: SignedIn, now: Date): boolean =>
  signedIn === accountId && isWithin(SIGNED_IN_COUNTS_SECONDS, authTime, now)

const DONE: Interaction = { kind: 'answer' }

/** The level that the session has to reach: the first that is asked for and that can be reached. Null where it has enough. */
const missingLevel = ({ acrValues }: AuthorizationRequest, { acr }: SignedIn): Acr | null => {
  const has = ACR_VALUES.indexOf(acr)
  if (acrValues.length === 0 || acrValues.some((asked) => ACR_VALUES.indexOf(asked) <= has)) return null
  return acrValues.find((asked) => asked !== 'phr') ?? 'phr'
}

const signInReason = (
  request: AuthorizationRequest,
  session: SignedIn,
  done: Done,
  now: Date,
): Extract<Interaction, { kind: 'sign_in' }>['reason'] | null => {
  if (session.decision.kind === 'deny') return 'not_signed_in'
  if (session.isAnother) return 'another_account'
  if (hasSignedIn(done, session, now)) return null
  if (request.prompts.includes('login')) return 'asked_for'
  const { maxAgeSeconds } = request
  if (maxAgeSeconds !== null && !(maxAgeSeconds > 0 && isWithin(maxAgeSeconds, session.authTime, now)))
    return 'too_long_ago'
  return null
}

/**
 * What is next. Without a session: to sign in.
 * @throws {AuthError} unmet_authentication_requirements, where a level is asked for that nothing here reaches
 */
const nextInteraction = (
  request: AuthorizationRequest,
  session: SignedIn | null,
  done: Done,
  now: Date,
): Interaction => {
  // Initiating User Registration via OpenID Connect 1.0, 4.1: also where somebody is signed in.
  if (request.prompts.includes('create') && done.signedIn === null && !done.prefersSignIn)
    return { kind: 'register' }
  if (!session) return { kind: 'sign_in', reason: 'not_signed_in' }
  const selected = done.selected === session.accountId || hasSignedIn(done, session, now)
  if (request.prompts.includes('select_account') && !selected) return { kind: 'select_account' }
  const reason = signInReason(request, session, done, now)
  if (reason !== null) return { kind: 'sign_in', reason }
  const missing = missingLevel(request, session)
  if (missing === 'phr')
    throw new AuthError(
      'unmet_authentication_requirements',
      'No authenticator of this account resists phishing.',
    )
  if (missing !== null || session.decision.kind !== 'allow')
    return { kind: session.enrolledAuthenticators > 0 ? 'step_up' : 'enroll' }
  if (done.consented) return DONE
  return session.isConsented && !request.prompts.includes('consent') ? DONE : { kind: 'consent' }
}

/** OpenID Connect Core 3.1.2.6: what is answered where nothing may be shown. */
const refusalOf = ({ kind }: Interaction): AuthError => {
  if (kind === 'select_account') return new AuthError('account_selection_required')
  if (kind === 'consent') return new AuthError('consent_required')
  return new AuthError('login_required')
}

/**
 * What the user has to do next; `answer` where nothing.
 * @throws {AuthError} login_required, consent_required, account_selection_required (`prompt=none`),
 *   unmet_authentication_requirements
 */
export const interactionFor = (
  request: AuthorizationRequest,
  session: SignedIn | null,
  done: Done,
  now: Date,
): Interaction => {
  const next = nextInteraction(request, session, done, now)
  if (next.kind !== 'answer' && request.prompts.includes('none')) throw refusalOf(next)
  return next
}
