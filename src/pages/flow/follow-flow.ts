// Where a sign-in goes next: back to the application, or to a page. Every page's handler ends here, so that there is one
// order of steps, whatever its user does in how many tabs.
import type { Account } from '../../accounts/account.ts'
import { BUILT_IN_CLIENT, type Client } from '../../clients/client.ts'
import type { Deps } from '../../deps.ts'
import type { UsedSession } from '../../ephemeral/sessions.ts'
import { type AnswerDeps, answerAuthorization } from '../../oauth/authorization/answer-authorization.ts'
import type { AuthorizationRequest } from '../../oauth/authorization/authorization-request.ts'
import type { AuthorizationResponse } from '../../oauth/authorization/authorization-response.ts'
import { oneOf } from '../../oauth/authorization/parameters.ts'
import type { TargetProblem } from '../../oauth/authorization/response-target.ts'
import { beginBrowserStepUp } from '../../sign-in/begin-step-up.ts'
import { isRegistrationOpen } from '../../sign-in/registration/registration-open.ts'
import type { Visit } from '../browser/open-visit.ts'
import { challengeStep, type Flow, type Step } from './flow.ts'

/** The page of a flow. */
export type View =
  | { kind: 'sign_in'; reason: 'not_signed_in' | 'sign_in_again' }
  | { kind: 'register' }
  | { kind: 'select_account'; account: Account }
  | { kind: 'step'; step: Step }
  | { kind: 'consent'; request: AuthorizationRequest; account: Account }

export type Next =
  | { kind: 'response'; response: AuthorizationResponse; client: Client }
  | { kind: 'unanswerable'; problem: TargetProblem }
  /** Signed in to Postern itself. */
  | { kind: 'home' }
  | { kind: 'show'; flow: Flow; view: View }

export type FollowDeps = AnswerDeps & Pick<Deps, 'site'>

/** The application that a flow is for; Postern's own where nobody has asked. Null where it is not registered any more. */
export const clientOfFlow = ({ clients }: Pick<Deps, 'clients'>, { asked }: Flow): Promise<Client | null> => {
  const clientId = asked ? oneOf(asked.parameters, 'client_id') : BUILT_IN_CLIENT
  return clientId && !clientId.includes('\0') ? clients.find(clientId) : Promise.resolve(null)
}

/** In `selected`: its user wants to sign in as somebody else. */
export const ANOTHER = ''

/** Signing in, or creating an account where that is wanted and possible. */
const firstView = (
  deps: FollowDeps,
  { wants }: Flow,
  reason: Extract<View, { kind: 'sign_in' }>['reason'],
): View =>
  wants === 'register' && isRegistrationOpen(deps) ? { kind: 'register' } : { kind: 'sign_in', reason }

/** `consented`: its user has just allowed what the request asks for. */
export const followFlow = async (
  deps: FollowDeps,
  visit: Visit,
  flow: Flow,
  consented: 'consented' | null = null,
): Promise<Next> => {
  const { origin } = visit
  const session = flow.selected === ANOTHER && flow.signedIn === null ? null : visit.session
  if (flow.step !== null) return { kind: 'show', flow, view: { kind: 'step', step: flow.step } }
  if (flow.asked === null) {
    if (session) return { kind: 'home' }
    return { kind: 'show', flow, view: firstView(deps, flow, 'not_signed_in') }
  }
  const { signedIn, selected } = flow
  const answered = await answerAuthorization(deps, origin, {
    asked: flow.asked,
    session,
    done: { signedIn, selected, consented: consented !== null, prefersSignIn: flow.wants === 'sign_in' },
  })
  if (answered.kind === 'unanswerable') return answered
  if (answered.kind === 'response') {
    const client = await clientOfFlow(deps, flow)
    return client ? { ...answered, client } : { kind: 'home' }
  }
  const { interaction, request, account } = answered
  if (interaction.kind === 'register') return { kind: 'show', flow, view: { kind: 'register' } }
  if (!session || !account || interaction.kind === 'sign_in' || interaction.kind === 'enroll') {
    const reason = session ? 'sign_in_again' : 'not_signed_in'
    return { kind: 'show', flow, view: firstView(deps, flow, reason) }
  }
  if (interaction.kind === 'select_account')
    return { kind: 'show', flow, view: { kind: 'select_account', account } }
  if (interaction.kind === 'consent')
    return {
      kind: 'show',
      flow: { ...flow, asking: account.id },
      view: { kind: 'consent', request, account },
    }
  const step = await stepUp(deps, visit, { session, account, client: request.client })
  return { kind: 'show', flow: { ...flow, step }, view: { kind: 'step', step } }
}

const stepUp = async (
  deps: FollowDeps,
  { origin }: Visit,
  { session, account, client }: { session: UsedSession; account: Account; client: Client },
): Promise<Step> => {
  const opened = await beginBrowserStepUp(deps, { session, origin }, client)
  return challengeStep(opened, { purpose: 'step_up', username: account.username ?? '', now: origin.now })
}
