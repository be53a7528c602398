// The page of every step of a flow, and the forms that a sign-in begins with: the password, and which account. Each form
// does one thing, and then the flow goes on (`continue-flow.ts`).
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { neededFactor } from '../oauth/authorization/authorization-request.ts'
import { signInBrowser } from '../sign-in/sign-in-browser.ts'
import { PlainText, Strict } from '../wire/schemas.ts'
import { FORM_MEMBERS, openForm } from './browser/open-form.ts'
import { openVisit } from './browser/open-visit.ts'
import { keepName, keepSession } from './browser/set-cookies.ts'
import { sendNext } from './flow/answer-page.ts'
import { continueFlow } from './flow/continue-flow.ts'
import { openFlow, restartedFlow, withoutStep } from './flow/flow.ts'
import { ANOTHER, clientOfFlow, followFlow } from './flow/follow-flow.ts'
import { expectedProblem, formProblem } from './flow/problem-of-error.ts'
import { ACTIONS, NOTHING_TYPED, type Typed } from './flow/render-view.ts'
import { stepAfter } from './step-after.ts'

const FlowQuery = Strict({
  flow: FORM_MEMBERS.flow,
  lang: Type.Optional(Type.String({ maxLength: 35 })),
  method: Type.Optional(Type.String({ maxLength: 32 })),
})

const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }))

const SignInForm = Strict({
  ...FORM_MEMBERS,
  username: Type.Optional(PlainText({ maxLength: 320 })),
  password: text(1024),
  remember: text(8),
})
const AccountForm = Strict({ ...FORM_MEMBERS, account: text(64) })

const hidden = { hide: true } as const

export const signInRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(ACTIONS.signIn, { schema: { ...hidden, querystring: FlowQuery } }, async (request, reply) => {
    const visit = await openVisit(deps, request)
    const { flow: sealed, method = null } = request.query
    const now = visit.origin.now
    const opened = sealed === undefined ? null : openFlow(deps.sealer, sealed, visit.browser, now)
    const flow = opened ?? restartedFlow(deps.sealer, sealed ?? '', visit.browser, now)
    const current =
      flow.step && flow.step.expiresAtMs <= now.getTime() ? withoutStep(flow, 'timed_out') : flow
    const lost = sealed !== undefined && opened === null ? formProblem('form_expired') : null
    const problem = current.notice === 'timed_out' ? formProblem(current.notice) : lost
    const shown = current.notice === 'timed_out' ? { ...current, notice: null } : current
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
    if (wrong) return continueFlow(deps, reply, asking, { problem: wrong, typed })
    const client = await clientOfFlow(deps, flow)
    if (!client) return continueFlow(deps, reply, { visit, flow })
    try {
      const needs = flow.asked && neededFactor(client, flow.asked.parameters)
      const given = { username: username.trim(), password, needs }
      const result = await signInBrowser(deps, visit.origin, { client, session: visit.session, ...given })
      keepName(deps, reply, {
        username: username.trim(),
        remember: remember === undefined ? 'forget' : 'remember',
      })
      if (result.status !== 'authenticated') {
        const step = stepAfter(result, visit.origin.now)
        return await continueFlow(deps, reply, { visit, flow: { ...flow, step } })
      }
      const { session, key } = result
      keepSession(deps, reply, key)
      const next = { visit: { ...visit, session }, flow: { ...flow, signedIn: session.accountId } }
      return await continueFlow(deps, reply, next)
    } catch (error) {
      const problem = expectedProblem(error, visit.origin.now)
      return continueFlow(deps, reply, asking, { problem, typed })
    }
  })

  app.post(ACTIONS.account, { schema: { ...hidden, body: AccountForm } }, async (request, reply) => {
    const form = await openForm(deps, request, request.body)
    if (form.problem) return continueFlow(deps, reply, form, { problem: form.problem })
    const { visit, flow } = form
    const { account = '' } = request.body
    // Another account signs in; the session of this one ends when it has.
    if (account === '' || account !== visit.session?.accountId)
      return continueFlow(deps, reply, {
        visit,
        flow: { ...withoutStep(flow), signedIn: null, selected: ANOTHER },
      })
    return continueFlow(deps, reply, { visit, flow: { ...withoutStep(flow), selected: account } })
  })
}
