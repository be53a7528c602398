// How pages are answered over HTTP: their headers, and redirects after forms (docs/security.md 24, 25).
import type { FastifyReply } from 'fastify'
import type { Client } from '../../clients/client.ts'
import type { Deps } from '../../deps.ts'
import { responseLocation } from '../../oauth/authorization/authorization-response.ts'
import { oneOf } from '../../oauth/authorization/parameters.ts'
import { isRegisteredRedirect } from '../../oauth/authorization/response-target.ts'
import { minimumPasswordLength } from '../../passwords/check-password.ts'
import { REGISTERED_ROLES } from '../../sign-in/registration/registration.ts'
import { isRegistrationOpen } from '../../sign-in/registration/registration-open.ts'
import type { Visit } from '../browser/open-visit.ts'
import { keepVisit } from '../browser/set-cookies.ts'
import type { Page, PageContext } from '../views/context.ts'
import { errorPage, formPostPage } from '../views/message-pages.ts'
import { type Flow, newFlow, sealFlow, withoutStep } from './flow.ts'
import { clientOfFlow, type Next } from './follow-flow.ts'
import { flowHref, pageContext } from './page-context.ts'
import type { PageProblem } from './problem-of-error.ts'
import { NOTHING_TYPED, renderView, type Typed } from './render-view.ts'

export const HOME_PATH = '/account'

export type PageDeps = Pick<Deps, 'config' | 'site' | 'sealer' | 'clients' | 'policy'>

/** What pages load, and where their forms go: browsers check `form-action` along redirects too. */
const policyOf = ({ csp: { formAction, imgSrc } }: Page): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    `img-src ${["'self'", 'data:', ...imgSrc].join(' ')}`,
    "font-src 'self'",
    "connect-src 'none'",
    `form-action ${["'self'", ...formAction].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')

/**
 * Sends a page. Decision: `Referrer-Policy: same-origin` and not `no-referrer`, with which browsers send `Origin: null`
 * with forms, so that it could not be checked.
 */
export const sendPage = (
  deps: PageDeps,
  reply: FastifyReply,
  visit: Visit,
  { page, status, language }: { page: Page; status: number; language: string },
): FastifyReply => {
  keepVisit(deps, reply, visit, language)
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .header('content-language', language)
    .header('content-security-policy', policyOf(page))
    .header('referrer-policy', 'same-origin')
    .send(page.html)
}

/** 303: the browser goes there with GET, whatever it has sent (RFC 9700 4.12). */
export const sendTo = (deps: PageDeps, reply: FastifyReply, visit: Visit, location: string): FastifyReply => {
  keepVisit(deps, reply, visit, null)
  return reply.header('referrer-policy', 'no-referrer').redirect(location, 303)
}

/** `form`: a form has been sent, so that the next page is redirected to. */
export type Way = 'form' | 'address'

/**
 * `opened`: the flow that the page was asked for with, and the text that it was opened from. `status`: of a page that is not
 * as it should be, where `problem` does not say it.
 */
export type Showing = {
  typed?: Typed
  problem?: PageProblem | null
  opened?: { flow: Flow; sealed: string } | null
  status?: number
}

/** The context of a page of `flow`. */
export const contextOf = (
  deps: PageDeps,
  visit: Visit,
  flow: Flow,
  about: { client: Client | null; signedInAs?: string | null; sealed?: string | null },
): PageContext => {
  const redirectUri = flow.asked ? (oneOf(flow.asked.parameters, 'redirect_uri') ?? null) : null
  const { client } = about
  return pageContext(deps, visit, {
    flow,
    sealed: about.sealed ?? null,
    client,
    signedInAs: about.signedInAs ?? null,
    // Only what is registered is named in the page's policy.
    redirectUri:
      client && redirectUri !== null && isRegisteredRedirect(client, redirectUri) ? redirectUri : null,
  })
}

/** Answers where a flow has got to. */
export const sendNext = async (
  deps: PageDeps,
  reply: FastifyReply,
  visit: Visit,
  next: Next,
  { way, ...showing }: { way: Way } & Showing,
): Promise<FastifyReply> => {
  if (next.kind === 'home') return sendTo(deps, reply, visit, HOME_PATH)
  if (next.kind === 'unanswerable') {
    const { text, given } = next.problem
    const details = [
      { label: 'error', value: next.problem.error },
      { label: 'description', value: text },
    ]
    return sendError(deps, reply, visit, {
      problem: {
        problem: { kind: 'invalid_request' },
        status: 400,
        attemptsRemaining: null,
        retryAfterSeconds: null,
      },
      details: [...details, ...given.map(([label, value]) => ({ label, value }))],
    })
  }
  if (next.kind === 'response') {
    const { response, client } = next
    if (response.responseMode === 'query') return sendTo(deps, reply, visit, responseLocation(response))
    const flow = newFlow(null, visit.browser, visit.origin.now)
    const ctx = pageContext(deps, visit, {
      flow,
      client,
      signedInAs: null,
      redirectUri: response.redirectUri,
    })
    const page = formPostPage(ctx, { action: response.redirectUri, params: response.parameters })
    return sendPage(deps, reply, visit, { page, status: 200, language: ctx.language.tag })
  }
  const { flow } = next
  if (way === 'form' && !showing.problem)
    return sendTo(deps, reply, visit, flowHref(sealFlow(deps.sealer, flow)))
  return sendView(deps, reply, visit, { next, showing })
}

const NOBODY = { username: null, email: null, displayName: null, enrolledAuthenticators: 0 }

const sendView = async (
  deps: PageDeps,
  reply: FastifyReply,
  visit: Visit,
  { next, showing }: { next: Extract<Next, { kind: 'show' }>; showing: Showing },
): Promise<FastifyReply> => {
  const { flow, view } = next
  const { problem = null, opened = null, status = problem?.status ?? 200 } = showing
  const client = await clientOfFlow(deps, flow)
  const account = 'account' in view ? view.account : null
  const ctx = contextOf(deps, visit, flow, {
    client,
    signedInAs: account && (account.username ?? account.id),
    sealed: opened?.flow === flow ? opened.sealed : null,
  })
  const typed = showing.typed ?? remembered(visit)
  const policy = deps.policy.current()
  const { digits } = policy.totp
  const backHref = passwordHref(deps, flow)
  const to = (wants: 'register' | 'sign_in') =>
    flowHref(sealFlow(deps.sealer, { ...withoutStep(flow), wants }))
  const isRegistering =
    view.kind === 'register' || (view.kind === 'step' && view.step.kind === 'registration')
  const page = renderView(ctx, {
    view,
    flow,
    typed,
    problem,
    digits,
    registerHref: view.kind === 'sign_in' && isRegistrationOpen(deps) ? to('register') : null,
    signInHref: isRegistering ? to('sign_in') : null,
    backHref,
    minPasswordLength: minimumPasswordLength(policy, { ...NOBODY, roles: REGISTERED_ROLES }),
  })
  if (problem?.retryAfterSeconds != null) reply.header('retry-after', String(problem.retryAfterSeconds))
  return sendPage(deps, reply, visit, { page, status, language: ctx.language.tag })
}

/** A step-up has none before it. */
const passwordHref = ({ sealer }: PageDeps, flow: Flow): string | null => {
  const { step } = flow
  if (step === null || (step.kind === 'challenge' && step.purpose === 'step_up')) return null
  return flowHref(sealFlow(sealer, { ...flow, step: null, notice: null }))
}

const remembered = ({ rememberedName }: Visit): Typed =>
  rememberedName === null
    ? NOTHING_TYPED
    : { ...NOTHING_TYPED, username: rememberedName, remembered: true, rememberName: true }

/** A page for what cannot go on. */
export const sendError = (
  deps: PageDeps,
  reply: FastifyReply,
  visit: Visit,
  { problem, details }: { problem: PageProblem; details: { label: string; value: string }[] },
): FastifyReply => {
  const ctx = pageContext(deps, visit, { flow: null, client: null, signedInAs: null, redirectUri: null })
  const page = errorPage(ctx, {
    problem: problem.problem,
    details,
    requestId: visit.requestId,
    backHref: null,
  })
  if (problem.retryAfterSeconds !== null) reply.header('retry-after', String(problem.retryAfterSeconds))
  return sendPage(deps, reply, visit, { page, status: problem.status, language: ctx.language.tag })
}
