// The form that answers the challenge of a sign-in or a step-up.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { attemptInBrowser } from '../sign-in/sign-in-browser.ts'
import { Strict } from '../wire/schemas.ts'
import { FORM_MEMBERS, openForm } from './browser/open-form.ts'
import { keepSession } from './browser/set-cookies.ts'
import { continueFlow } from './flow/continue-flow.ts'
import { withoutStep } from './flow/flow.ts'
import { expectedProblem, formProblem } from './flow/problem-of-error.ts'
import { ACTIONS, NOTHING_TYPED, type Typed } from './flow/render-view.ts'

const SecondFactorForm = Strict({
  ...FORM_MEMBERS,
  method: Type.Optional(Type.String({ maxLength: 32 })),
  code: Type.Optional(Type.String({ maxLength: 128 })),
})

export const pageSecondFactorRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(
    ACTIONS.secondFactor,
    { schema: { hide: true, body: SecondFactorForm } },
    async (request, reply) => {
      const form = await openForm(deps, request, request.body)
      const { visit, flow } = form
      const { step } = flow
      const { method: given = null, code: typedCode = '' } = request.body
      const typed: Typed = { ...NOTHING_TYPED, method: given }
      if (form.problem) return continueFlow(deps, reply, form, { problem: form.problem, typed })
      // The form of a step that has gone on in another tab.
      if (step?.kind !== 'challenge') return continueFlow(deps, reply, { visit, flow: withoutStep(flow) })
      const method = step.methods.find((offered) => offered === given)
      // docs/security.md 13: spaces are the page's to strip, not the verifier's.
      const code = method === 'totp' ? typedCode.replaceAll(/\s/g, '') : typedCode.trim()
      if (!method || code === '')
        return continueFlow(deps, reply, form, { problem: formProblem('code_missing'), typed })
      try {
        const answer = { challengeToken: step.token, method, code, session: visit.session }
        const { session, key } = await attemptInBrowser(deps, visit.origin, answer)
        keepSession(deps, reply, key)
        const signedIn = step.purpose === 'sign_in' ? session.accountId : flow.signedIn
        const next = { visit: { ...visit, session }, flow: { ...withoutStep(flow), signedIn } }
        return await continueFlow(deps, reply, next)
      } catch (error) {
        const problem = expectedProblem(error, visit.origin.now)
        const { kind } = problem.problem
        if (kind === 'timed_out')
          return continueFlow(deps, reply, { visit, flow: withoutStep(flow, 'timed_out') })
        const shown =
          kind === 'invalid_request' ? { ...problem, problem: { kind: 'malformed_code' } as const } : problem
        return continueFlow(deps, reply, form, { problem: shown, typed })
      }
    },
  )
}
