// The sign-in pages' forms: password, second factor, account, consent. Each does one thing, and then the flow goes on.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { recordConsent } from '../clients/record-consent.ts'
import type { Deps } from '../deps.ts'
import { deniedAuthorization } from '../oauth/authorization/answer-authorization.ts'
import { neededFactor } from '../oauth/authorization/authorization-request.ts'
import { consentAsked } from '../oauth/authorization/consent-asked.ts'
import { attemptInBrowser, type BrowserSignIn, signInBrowser } from '../sign-in/sign-in-browser.ts'
import { Strict } from '../wire/schemas.ts'
import { sendNext } from './answer-page.ts'
import { type Flow, openFlow, restartedFlow } from './flow.ts'
import { ANOTHER, clientOfFlow, followFlow } from './follow-flow.ts'
import { FORM_MEMBERS, type OpenedForm, openForm } from './open-form.ts'
import { openVisit, type Visit } from './open-visit.ts'
import { formProblem, type PageProblem, problemOfError } from './problem-of-error.ts'
import { ACTIONS, NOTHING_TYPED, type Typed } from './render-view.ts'
import { keepName, keepSession } from './set-cookies.ts'

const FlowQuery = Strict({
  flow: FORM_MEMBERS.flow,
  lang: Type.Optional(Type.String({ maxLength: 35 })),
  method: Type.Optional(Type.String({ maxLength: 32 })),
})

const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }))

const SignInForm = Strict({
  ...FORM_MEMBERS,
  username: text(320),
  password: text(1024),
  remember: text(8),
})
const SecondFactorForm = Strict({ ...FORM_MEMBERS, method: text(32), code: text(128) })
const AccountForm = Strict({ ...FORM_MEMBERS, account: text(64) })
const ConsentForm = Strict({ ...FORM_MEMBERS, decision: text(8) })

const hidden = { hide: true } as const

/** The step is over: whoever goes on has to begin it again. */
const withoutStep = (flow: Flow, notice: Flow['notice'] = null): Flow => ({ ...flow, step: null, notice })

export const signInRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  /** The same page again, with what is wrong; a step that cannot be repeated is begun anew. */
  const again = async (
    reply: FastifyReply,
    { visit, flow }: Pick<OpenedForm, 'visit' | 'flow'>,
    { problem, typed = NOTHING_TYPED }: { problem: PageProblem; typed?: Typed },
  ) => {
    const next = await followFlow(deps, visit, flow)
    return sendNext(deps, reply, visit, next, { way: 'form', problem, typed })
  }

  const goOn = async (reply: FastifyReply, visit: Visit, flow: Flow, consented: 'consented' | null = null) =>
    sendNext(deps, reply, visit, await followFlow(deps, visit, flow, consented), { way: 'form' })

  /** What a sign-in has come to: the browser's new session, or the next step. */
  const goOnWith = async (reply: FastifyReply, visit: Visit, flow: Flow, result: BrowserSignIn) => {
    if (result.status !== 'authenticated') {
      const { token, expiresInSeconds } = result
      const expiresAtMs = visit.origin.now.getTime() + expiresInSeconds * 1000
      const { username } = result
      const step =
        result.status === 'challenge_required'
          ? ({
              kind: 'challenge',
              token,
              methods: result.methods,
              expiresAtMs,
              purpose: 'sign_in',
              username,
            } as const)
          : ({ kind: 'enrollment', token, expiresAtMs, username } as const)
      return goOn(reply, visit, { ...flow, step, notice: null })
    }
    keepSession(deps, reply, result.key)
    const session = result.session
    return goOn(reply, { ...visit, session }, { ...withoutStep(flow), signedIn: session.accountId })
  }

  app.get(ACTIONS.signIn, { schema: { ...hidden, querystring: FlowQuery } }, async (request, reply) => {
    const visit = await openVisit(deps, request)
    const { flow: sealed, method = null } = request.query
    const now = visit.origin.now
    const opened = sealed === undefined ? null : openFlow(deps.sealer, sealed, visit.browser, now)
    const flow = opened ?? restartedFlow(deps.sealer, sealed ?? '', visit.browser, now)
    const current =
      flow.step && flow.step.expiresAtMs <= now.getTime() ? withoutStep(flow, 'timed_out') : flow
    const lost = sealed !== undefined && opened === null ? formProblem('form_expired') : null
    const problem = current.notice === null ? lost : formProblem(current.notice)
    const shown = current.notice === null ? current : { ...current, notice: null }
    const next = await followFlow(deps, visit, shown)
    const typed = method === null ? {} : { typed: { ...NOTHING_TYPED, method } }
    const known = opened && sealed !== undefined ? { flow: opened, sealed } : null
    return sendNext(deps, reply, visit, next, { way: 'address', problem, opened: known, ...typed })
  })

  app.post(ACTIONS.signIn, { schema: { ...hidden, body: SignInForm } }, async (request, reply) => {
    const form = await openForm(deps, request, request.body)
    const { visit } = form
    const flow = withoutStep(form.flow)
    const { username = '', password = '', remember } = request.body
    const typed: Typed = { ...NOTHING_TYPED, username, rememberName: remember !== undefined }
    const missing = username.trim() === '' ? 'username_missing' : password === '' ? 'password_missing' : null
    const wrong = form.problem ?? (missing && formProblem(missing))
    const asking = { visit: { ...visit, session: null }, flow }
    if (wrong) return again(reply, asking, { problem: wrong, typed })
    const client = await clientOfFlow(deps, flow)
    if (!client) return goOn(reply, visit, flow)
    try {
      const needs = flow.asked && neededFactor(client, flow.asked.parameters)
      const given = { username: username.trim(), password, needs }
      const result = await signInBrowser(deps, visit.origin, { client, session: visit.session, ...given })
      keepName(deps, reply, {
        username: username.trim(),
        remember: remember === undefined ? 'forget' : 'remember',
      })
      return await goOnWith(reply, visit, flow, result)
    } catch (error) {
      const problem = problemOfError(error, visit.origin.now)
      if (problem.status >= 500 && problem.status !== 503) throw error
      return again(reply, asking, { problem, typed })
    }
  })

  app.post(
    ACTIONS.secondFactor,
    { schema: { ...hidden, body: SecondFactorForm } },
    async (request, reply) => {
      const form = await openForm(deps, request, request.body)
      const { visit, flow, problem: refused } = form
      const { step } = flow
      const { method: given = null, code: typedCode = '' } = request.body
      const typed: Typed = { ...NOTHING_TYPED, method: given }
      if (refused) return again(reply, form, { problem: refused, typed })
      // The form of a step that has gone on in another tab.
      if (step?.kind !== 'challenge') return goOn(reply, visit, withoutStep(flow))
      const method = step.methods.find((offered) => offered === given)
      // docs/security.md 13: spaces are the page's to strip, not the verifier's.
      const code = method === 'totp' ? typedCode.replaceAll(/\s/g, '') : typedCode.trim()
      if (!method || code === '') return again(reply, form, { problem: formProblem('code_missing'), typed })
      try {
        const answer = { challengeToken: step.token, method, code, session: visit.session }
        const result = await attemptInBrowser(deps, visit.origin, answer)
        const isSignIn = step.purpose === 'sign_in'
        keepSession(deps, reply, result.key)
        const signedIn = isSignIn ? result.session.accountId : flow.signedIn
        return await goOn(reply, { ...visit, session: result.session }, { ...withoutStep(flow), signedIn })
      } catch (error) {
        const problem = problemOfError(error, visit.origin.now)
        if (problem.status >= 500 && problem.status !== 503) throw error
        if (problem.problem.kind === 'timed_out') return goOn(reply, visit, withoutStep(flow, 'timed_out'))
        const shown =
          problem.problem.kind === 'invalid_request'
            ? { ...problem, problem: { kind: 'malformed_code' } as const }
            : problem
        return again(reply, form, { problem: shown, typed })
      }
    },
  )

  app.post(ACTIONS.account, { schema: { ...hidden, body: AccountForm } }, async (request, reply) => {
    const form = await openForm(deps, request, request.body)
    if (form.problem) return again(reply, form, { problem: form.problem })
    const { visit, flow } = form
    const { account = '' } = request.body
    // Another account signs in; the session of this one ends when it has.
    if (account === '' || account !== visit.session?.accountId)
      return goOn(reply, visit, { ...withoutStep(flow), signedIn: null, selected: ANOTHER })
    return goOn(reply, visit, { ...withoutStep(flow), selected: account })
  })

  app.post(ACTIONS.consent, { schema: { ...hidden, body: ConsentForm } }, async (request, reply) => {
    const form = await openForm(deps, request, request.body)
    if (form.problem) return again(reply, form, { problem: form.problem })
    const { visit, flow } = form
    const next = await followFlow(deps, visit, flow)
    // Signed out meanwhile, or consented in another tab.
    if (next.kind !== 'show' || next.view.kind !== 'consent')
      return sendNext(deps, reply, visit, next, { way: 'form' })
    const { request: asked, account } = next.view
    if (request.body.decision !== 'allow')
      return sendNext(
        deps,
        reply,
        visit,
        { ...deniedAuthorization(deps, asked), client: asked.client },
        { way: 'form' },
      )
    const origin = { ...visit.origin, actor: { type: 'account', id: account.id } as const }
    await recordConsent(deps, origin, { accountId: account.id, client: asked.client, ...consentAsked(asked) })
    return goOn(reply, visit, flow, 'consented')
  })
}
