// The page of whoever is signed in to Postern itself: which applications may see the account, and to sign out.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { listConsents } from '../clients/consent-store.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { revokeConsent } from '../profile/revoke-consent.ts'
import { PlainText, Strict } from '../wire/schemas.ts'
import { FORM_MEMBERS, openPlainForm } from './browser/open-form.ts'
import { openVisit, type Visit } from './browser/open-visit.ts'
import { HOME_PATH, sendPage, sendTo } from './flow/answer-page.ts'
import { pageContext, SIGN_IN_PATH } from './flow/page-context.ts'
import type { PageProblem } from './flow/problem-of-error.ts'
import { accountConsentsPage } from './views/account-pages.ts'

const REVOKE_PATH = '/account/applications'
const MAX_SHOWN = 200

const RevokeForm = Strict({ ...FORM_MEMBERS, client_id: PlainText({ maxLength: 64 }) })

export const accountRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  const show = async (
    visit: Visit,
    reply: FastifyReply,
    { revoked, problem }: { revoked: string | null; problem: PageProblem | null },
  ) => {
    const { session } = visit
    if (!session) return sendTo(deps, reply, visit, SIGN_IN_PATH)
    const details = await deps.accounts.find(session.accountId, session.accountVersion)
    const consents = await listConsents(deps, session.accountId, { afterClientId: '', limit: MAX_SHOWN })
    const signedInAs = details ? (details.account.username ?? details.account.id) : null
    const ctx = pageContext(deps, visit, { flow: null, client: null, signedInAs, redirectUri: null })
    const page = accountConsentsPage(ctx, {
      action: REVOKE_PATH,
      consents: consents.map(({ clientId, clientName: name, scopes, grantedAt }) => ({
        clientId,
        name,
        clientUri: null,
        scopes,
        grantedAt,
      })),
      revoked,
      problem: problem?.problem ?? null,
      signOutHref: '/oauth2/logout',
    })
    return sendPage(deps, reply, visit, { page, status: problem?.status ?? 200, language: ctx.language.tag })
  }

  app.get(
    HOME_PATH,
    { schema: { hide: true, querystring: Strict({ lang: Type.Optional(Type.String({ maxLength: 35 })) }) } },
    async (request, reply) => show(await openVisit(deps, request), reply, { revoked: null, problem: null }),
  )

  app.post(REVOKE_PATH, { schema: { hide: true, body: RevokeForm } }, async (request, reply) => {
    const { visit, problem } = await openPlainForm(deps, request, request.body)
    const { session } = visit
    if (problem || !session) return show(visit, reply, { revoked: null, problem })
    const { client_id: clientId } = request.body
    const client = await deps.clients.find(clientId)
    const origin = { ...visit.origin, actor: { type: 'account', id: session.accountId } as const }
    try {
      await revokeConsent(deps, origin, { accountId: session.accountId, clientId })
    } catch (error) {
      // Taken back in another tab.
      if (!(error instanceof AuthError && error.code === 'not_found')) throw error
    }
    return show(visit, reply, { revoked: client?.name ?? clientId, problem: null })
  })
}
