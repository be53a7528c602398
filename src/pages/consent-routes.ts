// The form in which its user allows what an application asks for, or does not.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { recordConsent } from '../clients/record-consent.ts'
import type { Deps } from '../deps.ts'
import { consentAsked } from '../oauth/authorization/consent-asked.ts'
import { refuseAuthorization } from '../oauth/authorization/refuse-authorization.ts'
import { Strict } from '../wire/schemas.ts'
import { FORM_MEMBERS, openForm } from './browser/open-form.ts'
import { sendNext } from './flow/answer-page.ts'
import { continueFlow } from './flow/continue-flow.ts'
import { followFlow } from './flow/follow-flow.ts'
import { ACTIONS } from './flow/render-view.ts'

const ConsentForm = Strict({ ...FORM_MEMBERS, decision: Type.Optional(Type.String({ maxLength: 8 })) })

export const pageConsentRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(ACTIONS.consent, { schema: { hide: true, body: ConsentForm } }, async (request, reply) => {
    const form = await openForm(deps, request, request.body)
    if (form.problem) return continueFlow(deps, reply, form, { problem: form.problem })
    const { visit, flow } = form
    const next = await followFlow(deps, visit, flow)
    // Signed out meanwhile, or consented in another tab.
    if (next.kind !== 'show' || next.view.kind !== 'consent' || !visit.session)
      return sendNext(deps, reply, visit, next, { way: 'form' })
    const { request: asked, account } = next.view
    // Another account has signed in since the page was shown: it is asked itself.
    if (flow.asking !== account.id) return sendNext(deps, reply, visit, next, { way: 'form' })
    const origin = { ...visit.origin, actor: { type: 'account', id: account.id } as const }
    if (request.body.decision !== 'allow') {
      const response = await refuseAuthorization(deps, origin, asked, visit.session)
      return sendNext(
        deps,
        reply,
        visit,
        { kind: 'response', response, client: asked.client },
        { way: 'form' },
      )
    }
    await recordConsent(deps, origin, { accountId: account.id, client: asked.client, ...consentAsked(asked) })
    return continueFlow(deps, reply, form, { consented: 'consented' })
  })
}
