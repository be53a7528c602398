// Enrolling an authenticator on the way of a sign-in. The secret, and the recovery codes, are in one answer each, and never
// again (docs/security.md 12, 14): those pages come right from their form, without a redirect.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { authenticateFreshEnrollment } from '../callers/authenticate-enrollee.ts'
import type { Deps } from '../deps.ts'
import { beginTotpEnrollment } from '../profile/authenticators/begin-totp-enrollment.ts'
import { confirmInBrowser } from '../profile/authenticators/confirm-in-browser.ts'
import { Strict } from '../wire/schemas.ts'
import { FORM_MEMBERS, type OpenedForm, openForm } from './browser/open-form.ts'
import { keepSession } from './browser/set-cookies.ts'
import { contextOf, sendPage } from './flow/answer-page.ts'
import { continueFlow } from './flow/continue-flow.ts'
import { type Flow, withoutStep } from './flow/flow.ts'
import { clientOfFlow } from './flow/follow-flow.ts'
import { expectedProblem, formProblem } from './flow/problem-of-error.ts'
import { ACTIONS } from './flow/render-view.ts'
import { totpEnrollmentPage } from './views/enrollment-pages.ts'
import { recoveryCodesPage, recoveryCodesText } from './views/recovery-codes-page.ts'

const EnrollmentForm = Strict({ ...FORM_MEMBERS, method: Type.Optional(Type.String({ maxLength: 32 })) })
const ConfirmationForm = Strict({ ...FORM_MEMBERS, code: Type.Optional(Type.String({ maxLength: 64 })) })
const SavedForm = Strict({ ...FORM_MEMBERS, saved: Type.Optional(Type.String({ maxLength: 8 })) })

const RecoveryCode = Type.String({ maxLength: 32, pattern: '^[0-9A-Z-]+$' })
const DownloadForm = Strict({
  ...FORM_MEMBERS,
  codes: Type.Union([Type.Array(RecoveryCode, { maxItems: 20 }), RecoveryCode]),
})

const DOWNLOAD_NAME = 'recovery-codes.txt'
const hidden = { hide: true } as const

const inGroups = (secret: string): string => secret.replaceAll(/(.{4})(?=.)/g, '$1 ')

export const pageEnrollmentRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  /** A step that cannot go on is begun anew, from the password. */
  const refused = async (reply: FastifyReply, form: OpenedForm, error: unknown) => {
    const problem = expectedProblem(error, form.visit.origin.now)
    if (problem.problem.kind === 'invalid_code')
      return continueFlow(deps, reply, form, {
        problem: { ...problem, problem: { kind: 'code_does_not_fit' } },
      })
    if (problem.problem.kind === 'invalid_request')
      return continueFlow(deps, reply, form, { problem: { ...problem, problem: { kind: 'malformed_code' } } })
    if (problem.problem.kind !== 'timed_out' && problem.problem.kind !== 'not_found')
      return continueFlow(deps, reply, form, { problem })
    return continueFlow(deps, reply, { ...form, flow: withoutStep(form.flow, 'timed_out') })
  }

  app.post(ACTIONS.enrollment, { schema: { ...hidden, body: EnrollmentForm } }, async (request, reply) => {
    const form = await openForm(deps, request, request.body)
    const { visit, flow, problem } = form
    const { step } = flow
    if (problem) return continueFlow(deps, reply, form, { problem })
    if (step?.kind !== 'enrollment' && step?.kind !== 'confirmation')
      return continueFlow(deps, reply, { visit, flow: withoutStep(flow) })
    try {
      const begun = await beginTotpEnrollment(
        deps,
        await authenticateFreshEnrollment(deps, visit.origin, step.token),
        undefined,
      )
      const { token, username } = step
      const expiresAtMs = Math.min(
        step.expiresAtMs,
        visit.origin.now.getTime() + begun.expiresInSeconds * 1000,
      )
      const next: Flow = {
        ...flow,
        step: { kind: 'confirmation', token, authenticatorId: begun.id, expiresAtMs, username },
      }
      const ctx = contextOf(deps, visit, next, {
        client: await clientOfFlow(deps, next),
        signedInAs: username,
      })
      const page = totpEnrollmentPage(ctx, {
        action: ACTIONS.confirmation,
        qrSvgDataUri: begun.qrCode,
        secretGrouped: inGroups(begun.secret),
        otpauthUri: begun.otpauthUri,
        accountLabel: username,
        digits: deps.policy.current().totp.digits,
        problem: null,
        expiresAt: new Date(expiresAtMs),
        backHref: null,
      })
      return sendPage(deps, reply, visit, { page, status: 200, language: ctx.language.tag })
    } catch (error) {
      return refused(reply, form, error)
    }
  })

  app.post(
    ACTIONS.confirmation,
    { schema: { ...hidden, body: ConfirmationForm } },
    async (request, reply) => {
      const form = await openForm(deps, request, request.body)
      const { visit, flow, problem } = form
      const { step } = flow
      if (problem) return continueFlow(deps, reply, form, { problem })
      if (step?.kind !== 'confirmation') return continueFlow(deps, reply, { visit, flow: withoutStep(flow) })
      const code = (request.body.code ?? '').replaceAll(/\s/g, '')
      if (code === '') return continueFlow(deps, reply, form, { problem: formProblem('code_missing') })
      try {
        const enrollee = await authenticateFreshEnrollment(deps, visit.origin, step.token)
        const asked = { authenticatorId: step.authenticatorId, code, session: visit.session }
        // Read before: nothing may fail between the codes and the page that shows them.
        const client = await clientOfFlow(deps, flow)
        const { key, session, recoveryCodes } = await confirmInBrowser(deps, enrollee, asked)
        keepSession(deps, reply, key)
        const next = { ...withoutStep(flow), signedIn: session.accountId }
        if (recoveryCodes === null)
          return continueFlow(deps, reply, { visit: { ...visit, session }, flow: next })
        const ctx = contextOf(deps, visit, next, { client, signedInAs: step.username })
        const page = recoveryCodesPage(ctx, {
          action: ACTIONS.recoveryCodes,
          codes: recoveryCodes,
          downloadAction: ACTIONS.download,
          downloadName: DOWNLOAD_NAME,
          problem: null,
        })
        return sendPage(deps, reply, visit, { page, status: 200, language: ctx.language.tag })
      } catch (error) {
        return refused(reply, form, error)
      }
    },
  )

  // The box is required by the form itself; the codes cannot be shown once more to whoever leaves it out.
  app.post(ACTIONS.recoveryCodes, { schema: { ...hidden, body: SavedForm } }, async (request, reply) => {
    const form = await openForm(deps, request, request.body)
    return continueFlow(deps, reply, form, { problem: form.problem })
  })

  app.post(ACTIONS.download, { schema: { ...hidden, body: DownloadForm } }, async (request, reply) => {
    const form = await openForm(deps, request, request.body)
    if (form.problem) return continueFlow(deps, reply, form, { problem: form.problem })
    const ctx = contextOf(deps, form.visit, form.flow, { client: null })
    return reply
      .type('text/plain; charset=utf-8')
      .header('content-disposition', `attachment; filename="${DOWNLOAD_NAME}"`)
      .send(recoveryCodesText(ctx, [request.body.codes].flat()))
  })
}
