// The authorization endpoint's work (RFC 6749 4.1, OpenID Connect Core 3.1.2), whatever page it is asked from: an
// authorization request is answered with a code, refused, or needs its user to do something first.
import type { Account } from '../../accounts/account.ts'
import type { Origin } from '../../audit/event.ts'
import { type Client, registrationOf } from '../../clients/client.ts'
import { missingConsent } from '../../clients/consent.ts'
import { findConsent } from '../../clients/consent-store.ts'
import type { Deps } from '../../deps.ts'
import type { UsedSession } from '../../ephemeral/sessions.ts'
import { AuthError } from '../../errors.ts'
import { decide } from '../../policy/decide.ts'
import { tightenPolicy } from '../../policy/tighten-policy.ts'
import { isRegistrationOpen } from '../../sign-in/registration/registration-open.ts'
import { readIdTokenHint } from '../../tokens/read-id-token-hint.ts'
import { subjectOf } from '../../tokens/subject.ts'
import { type AuthorizationRequest, readAuthorizationRequest } from './authorization-request.ts'
import { type AuthorizationResponse, authorizationResponse } from './authorization-response.ts'
import { consentAsked } from './consent-asked.ts'
import { type Done, type Interaction, interactionFor, type SignedIn } from './interaction.ts'
import { issueCode } from './issue-code.ts'
import { type AuthorizationParameters, oneOf } from './parameters.ts'
import { type ResponseTarget, responseTarget, type TargetProblem, unknownClient } from './response-target.ts'

/** `pushed`: the `request_uri` that the parameters were pushed under. */
export type Asked = { parameters: AuthorizationParameters; pushed: string | null }

export type Answered =
  /** Nothing may be sent to the redirect URI; the browser gets a page for the integrator. */
  | { kind: 'unanswerable'; problem: TargetProblem }
  | { kind: 'response'; response: AuthorizationResponse }
  | {
      kind: 'interaction'
      interaction: Exclude<Interaction, { kind: 'answer' }>
      request: AuthorizationRequest
      account: Account | null
    }

export type AnswerDeps = Pick<
  Deps,
  | 'config'
  | 'postgres'
  | 'ephemeral'
  | 'policy'
  | 'clients'
  | 'accounts'
  | 'signingKeys'
  | 'sealer'
  | 'randomBytes'
  | 'clock'
  | 'pairwiseSalt'
>

/** Answers a request, for the browser whose session this is; null where it has none. */
export const answerAuthorization = async (
  deps: AnswerDeps,
  origin: Origin,
  { asked, session, done }: { asked: Asked; session: UsedSession | null; done: Done },
): Promise<Answered> => {
  const { parameters } = asked
  const clientId = oneOf(parameters, 'client_id')
  const client = clientId && !clientId.includes('\0') ? await deps.clients.find(clientId) : null
  if (!client) return { kind: 'unanswerable', problem: unknownClient(clientId) }
  const target = responseTarget(client, parameters)
  if ('error' in target) return { kind: 'unanswerable', problem: target }
  try {
    return await answerClient(deps, origin, { asked, session, done, client, target })
  } catch (error) {
    // RFC 6749 4.1.2.1: the client is answered what its request, or its user, lacks. What is wrong here is not its business.
    if (!(error instanceof AuthError) || error.status >= 500) throw error
    const answer = { error: error.code, error_description: error.message }
    return { kind: 'response', response: authorizationResponse(deps.config.issuer, target, answer) }
  }
}

type ForClient = {
  asked: Asked
  session: UsedSession | null
  done: Done
  client: Client
  target: ResponseTarget
}

const answerClient = async (
  deps: AnswerDeps,
  origin: Origin,
  { asked, session, done, client, target }: ForClient,
): Promise<Answered> => {
  const { issuer } = deps.config
  const { parameters, pushed } = asked
  if (client.requirePushedAuthorizationRequests && pushed === null)
    throw new AuthError('invalid_request', 'This client has to push its requests to /oauth2/par (RFC 9126).')
  const registration = isRegistrationOpen(deps) ? 'open' : 'closed'
  const request = readAuthorizationRequest({ issuer, client, target, registration }, parameters)
  const found = session && (await deps.accounts.find(session.accountId, session.accountVersion))
  const hinted = hintedSubject(deps, request, origin.now)
  const signedIn =
    session && found ? await view(deps, origin, request, { session, account: found.account, hinted }) : null
  const interaction = interactionFor(request, signedIn, done, origin.now)
  if (interaction.kind !== 'answer' || !session || !found) {
    if (interaction.kind === 'answer') throw new AuthError('login_required')
    return { kind: 'interaction', interaction, request, account: found?.account ?? null }
  }
  const code = await issueCode(deps, origin, { request, session, account: found.account, pushed })
  if (code === null) throw new AuthError('login_required', 'The session has ended meanwhile.')
  return { kind: 'response', response: authorizationResponse(issuer, target, { code }) }
}

/** The browser's session, as the request sees it. */
const view = async (
  deps: AnswerDeps,
  origin: Origin,
  request: AuthorizationRequest,
  { session, account, hinted }: { session: UsedSession; account: Account; hinted: string | null },
): Promise<SignedIn> => {
  const { client } = request
  const policy = tightenPolicy(deps.policy.current(), client)
  const { accountId, authTime, acr } = session
  return {
    accountId,
    authTime,
    acr,
    decision: decide(policy, account, session, origin.now),
    enrolledAuthenticators: account.enrolledAuthenticators,
    isAnother: isAnother(deps, request, { account, hinted }),
    isConsented: client.firstParty || (await hasConsented(deps, request, accountId)),
  }
}

/**
 * Whom `id_token_hint` names.
 * @throws {AuthError} invalid_request, for a hint that was not signed here
 */
const hintedSubject = (deps: AnswerDeps, { idTokenHint }: AuthorizationRequest, now: Date): string | null => {
  if (idTokenHint === null) return null
  const hint = readIdTokenHint(deps, idTokenHint, now)
  if (hint) return hint.sub
  throw new AuthError('invalid_request', 'id_token_hint is no ID token of this issuer.', {
    fields: ['id_token_hint'],
  })
}

/**
 * True where the request is about another account: by `id_token_hint`, or by the claim `sub` (OpenID Connect Core
 * 3.1.2.1, 5.5.1).
 */
const isAnother = (
  deps: AnswerDeps,
  { client, claims }: AuthorizationRequest,
  { account, hinted }: { account: Account; hinted: string | null },
): boolean => {
  const asked = [...(claims.idToken.sub?.values ?? []), ...(claims.userinfo.sub?.values ?? [])]
  if (hinted === null && asked.length === 0) return false
  const subject = subjectOf(deps, client, account.id)
  return (hinted !== null && hinted !== subject) || (asked.length > 0 && !asked.includes(subject))
}

const hasConsented = async (
  deps: AnswerDeps,
  { client, scope, claims }: AuthorizationRequest,
  accountId: string,
): Promise<boolean> => {
  const consent = await findConsent(deps, accountId, registrationOf(client))
  return missingConsent(consent, consentAsked({ scope, claims })) === null
}
