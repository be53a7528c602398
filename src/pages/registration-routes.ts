// Creating an account oneself: the form, the code of the mail on the page that waits for it, and the link of the mail, in
// whatever browser. After the code, the sign-in goes on; after the link, its user signs in.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { neededFactor } from '../oauth/authorization/authorization-request.ts'
import { beginRegistration } from '../sign-in/registration/begin-registration.ts'
import { confirmByCode, confirmByLink, findByLink } from '../sign-in/registration/confirm-registration.ts'
import type { MailStyle } from '../sign-in/registration/registration-mail.ts'
import { isRegistrationOpen } from '../sign-in/registration/registration-open.ts'
import { sendRegistrationAgain } from '../sign-in/registration/send-registration-again.ts'
import { signInRegistered } from '../sign-in/sign-in-browser.ts'
import { Strict } from '../wire/schemas.ts'
import { FORM_MEMBERS, FormBody, type OpenedForm, openForm, openPlainForm } from './browser/open-form.ts'
import { openVisit, type Visit } from './browser/open-visit.ts'
import { keepSession } from './browser/set-cookies.ts'
import { contextOf, sendError, sendNext, sendPage } from './flow/answer-page.ts'
import { continueFlow } from './flow/continue-flow.ts'
import { type Flow, withoutStep } from './flow/flow.ts'
import { clientOfFlow, followFlow } from './flow/follow-flow.ts'
import { pageContext, SIGN_IN_PATH } from './flow/page-context.ts'
import { expectedProblem, formProblem, type PageProblem } from './flow/problem-of-error.ts'
import { ACTIONS, NOTHING_TYPED, type Typed } from './flow/render-view.ts'
import { stepAfter } from './step-after.ts'
import { addressConfirmedPage, confirmAddressPage } from './views/registration-pages.ts'

const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }))

const RegisterForm = Strict({
  ...FORM_MEMBERS,
  display_name: text(320),
  username: text(320),
  email: text(320),
  password: text(1024),
})
const CodeForm = Strict({ ...FORM_MEMBERS, code: text(64) })
const LinkQuery = Strict({ token: text(128), lang: text(35) })
const LinkForm = Strict({ ...FORM_MEMBERS, token: text(128) })

const hidden = { hide: true } as const
const NO_FLOW = { flow: null, client: null, signedInAs: null, redirectUri: null }

export const registrationRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  /** It has ended: with signing in, or from the form again. */
  const over = (reply: FastifyReply, { visit, flow }: OpenedForm, problem: PageProblem) =>
    continueFlow(deps, reply, { visit, flow: { ...flow, step: null, wants: 'sign_in' } }, { problem })

  /** In the language of the page. */
  const mailStyle = (visit: Visit, flow: Flow): MailStyle => {
    const { language } = contextOf(deps, visit, flow, { client: null })
    return { language: language.tag, words: language.registrationMail, service: deps.site.brand.name }
  }

  app.post(ACTIONS.register, { schema: { ...hidden, body: RegisterForm } }, async (request, reply) => {
    const form = await openForm(deps, request, request.body)
    const { visit } = form
    const flow: Flow = { ...form.flow, step: null, notice: null, wants: 'register' }
    const asking = { visit: { ...visit, session: null }, flow }
    const { display_name = '', username = '', email = '', password = '' } = request.body
    const values = { display_name: display_name.trim(), username: username.trim(), email: email.trim() }
    const typed: Typed = { ...NOTHING_TYPED, registration: values }
    if (form.problem) return continueFlow(deps, reply, asking, { problem: form.problem, typed })
    const client = await clientOfFlow(deps, flow)
    // Closed meanwhile: the way goes on without it.
    if (!client || !isRegistrationOpen(deps))
      return continueFlow(deps, reply, { visit, flow: { ...flow, wants: null } })
    try {
      const style = mailStyle(visit, flow)
      const given = { ...values, password }
      const { clientId } = client
      const result = await beginRegistration(deps, visit.origin, given, { clientId, style })
      if (result.kind === 'refused') {
        const next = await followFlow(deps, asking.visit, flow)
        const { problems } = result
        const shown = { way: 'address', typed: { ...typed, problems }, status: 400 } as const
        return sendNext(deps, reply, asking.visit, next, shown)
      }
      const expiresAtMs = visit.origin.now.getTime() + result.expiresInSeconds * 1000
      const { id } = result
      const step = {
        kind: 'registration',
        id,
        expiresAtMs,
        email: values.email,
        username: values.username,
      } as const
      return continueFlow(deps, reply, { visit, flow: { ...flow, step } })
    } catch (error) {
      return continueFlow(deps, reply, asking, { problem: expectedProblem(error, visit.origin.now), typed })
    }
  })

  app.post(ACTIONS.registrationMail, { schema: { ...hidden, body: FormBody } }, async (request, reply) => {
    const form = await openForm(deps, request, request.body)
    const { visit, flow } = form
    if (form.problem) return continueFlow(deps, reply, form, { problem: form.problem })
    if (flow.step?.kind !== 'registration')
      return continueFlow(deps, reply, { visit, flow: withoutStep(flow) })
    try {
      const isSent = await sendRegistrationAgain(deps, visit.origin, flow.step.id, mailStyle(visit, flow))
      if (!isSent) return over(reply, form, formProblem('registration_over'))
      return continueFlow(deps, reply, { visit, flow: { ...flow, notice: 'mail_sent' } })
    } catch (error) {
      return continueFlow(deps, reply, form, { problem: expectedProblem(error, visit.origin.now) })
    }
  })

  app.post(ACTIONS.registrationCode, { schema: { ...hidden, body: CodeForm } }, async (request, reply) => {
    const opened = await openForm(deps, request, request.body)
    const { visit } = opened
    const flow: Flow = { ...opened.flow, notice: null }
    const form = { ...opened, flow }
    const { step } = flow
    if (form.problem) return continueFlow(deps, reply, form, { problem: form.problem })
    if (step?.kind !== 'registration') return continueFlow(deps, reply, { visit, flow: withoutStep(flow) })
    const code = (request.body.code ?? '').replaceAll(/\s/g, '')
    if (code === '') return continueFlow(deps, reply, form, { problem: formProblem('code_missing') })
    const client = await clientOfFlow(deps, flow)
    if (!client) return continueFlow(deps, reply, { visit, flow: withoutStep(flow) })
    try {
      const confirmed = await confirmByCode(deps, visit.origin, { id: step.id, code })
      if (confirmed.kind === 'wrong_code')
        return continueFlow(deps, reply, form, { problem: formProblem('wrong_mail_code') })
      if (confirmed.kind === 'over') return over(reply, form, formProblem('registration_over'))
      if (confirmed.kind === 'taken') return over(reply, form, formProblem('registration_taken'))
      const { accountId, registration } = confirmed
      const needs = flow.asked && neededFactor(client, flow.asked.parameters)
      const passed = {
        accountId,
        passwordHash: registration.passwordHash,
        client,
        session: visit.session,
        needs,
      }
      const result = await signInRegistered(deps, visit.origin, passed)
      if (!result) return over(reply, form, formProblem('registration_over'))
      if (result.status !== 'authenticated')
        return continueFlow(deps, reply, {
          visit,
          flow: { ...flow, step: stepAfter(result, visit.origin.now) },
        })
      const { session, key } = result
      keepSession(deps, reply, key)
      return continueFlow(deps, reply, {
        visit: { ...visit, session },
        flow: { ...flow, step: null, signedIn: accountId },
      })
    } catch (error) {
      return continueFlow(deps, reply, form, { problem: expectedProblem(error, visit.origin.now) })
    }
  })

  const linkProblem = (reply: FastifyReply, visit: Visit, kind: 'registration_over' | 'registration_taken') =>
    sendError(deps, reply, visit, { problem: formProblem(kind), details: [] })

  app.get(
    ACTIONS.registrationLink,
    { schema: { ...hidden, querystring: LinkQuery } },
    async (request, reply) => {
      const visit = await openVisit(deps, request)
      const { token = '' } = request.query
      const found = await findByLink(deps, visit.origin, token)
      if (!found || found.registration.known) return linkProblem(reply, visit, 'registration_over')
      const ctx = pageContext(deps, visit, NO_FLOW)
      const { username, email } = found.registration
      const page = confirmAddressPage(ctx, { action: ACTIONS.registrationLink, token, username, email })
      return sendPage(deps, reply, visit, { page, status: 200, language: ctx.language.tag })
    },
  )

  app.post(ACTIONS.registrationLink, { schema: { ...hidden, body: LinkForm } }, async (request, reply) => {
    const { visit, problem } = await openPlainForm(deps, request, request.body)
    if (problem) return sendError(deps, reply, visit, { problem, details: [] })
    const confirmed = await confirmByLink(deps, visit.origin, request.body.token ?? '')
    if (confirmed.kind !== 'confirmed')
      return linkProblem(
        reply,
        visit,
        confirmed.kind === 'taken' ? 'registration_taken' : 'registration_over',
      )
    const ctx = pageContext(deps, visit, NO_FLOW)
    const page = addressConfirmedPage(ctx, { signInHref: SIGN_IN_PATH })
    return sendPage(deps, reply, visit, { page, status: 200, language: ctx.language.tag })
  })
}
