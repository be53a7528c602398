// The end session endpoint (OpenID Connect RP-Initiated Logout 1.0), and signing out by its user's own wish. Whoever does not
// prove by an ID token that this very session is meant is asked first: a picture on a strange page must sign nobody out.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { openText } from '../encryption/sealer.ts'
import { LOGOUT_PARAMETERS, type LogoutRequest, readLogoutRequest } from '../oauth/read-logout-request.ts'
import { endSession } from '../sessions/end-session.ts'
import { errorResponses, OpenParameters } from '../wire/schemas.ts'
import { FormBody, openPlainForm } from './browser/open-form.ts'
import { openVisit, type Visit } from './browser/open-visit.ts'
import { forgetSession } from './browser/set-cookies.ts'
import { HOME_PATH, sendPage, sendTo } from './flow/answer-page.ts'
import { pageContext, SIGN_IN_PATH } from './flow/page-context.ts'
import type { PageProblem } from './flow/problem-of-error.ts'
import { ACTIONS } from './flow/render-view.ts'
import { confirmSignOutPage, signedOutPage } from './views/session-pages.ts'

const Parameters = OpenParameters({
  id_token_hint: 'An ID token of the session; with it, nobody is asked.',
  logout_hint: 'Ignored.',
  client_id: 'The application; the hint names it as well.',
  post_logout_redirect_uri: 'One of its registered ones, exactly.',
  state: 'Comes back as it is.',
  ui_locales: 'Languages of the page.',
  lang: 'The language of the page.',
})

const RESPONSES = {
  200: Type.String({ description: 'A page: signed out, or whether to sign out.' }),
  303: Type.Null({ description: 'To the `post_logout_redirect_uri`.' }),
  ...errorResponses(),
}

const CONTEXT = 'pages.sign-out.1'

/** What its user confirms, sealed in the page's form. */
type Confirmed = { clientId: string | null; continueAt: string | null }

/** Nothing, for a form that was not sealed here. */
const openConfirmed = ({ sealer }: Pick<Deps, 'sealer'>, sealed: string): Confirmed => {
  const text = openText(sealer, sealed, CONTEXT)
  return text === null ? { clientId: null, continueAt: null } : JSON.parse(text)
}

export const signOutRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  const contextFor = (visit: Visit, client: LogoutRequest['client'], flow: string | null) => ({
    ...pageContext(deps, visit, {
      flow: null,
      client,
      signedInAs: null,
      redirectUri: null,
    }),
    flow,
  })

  const end = async (visit: Visit, reply: FastifyReply): Promise<void> => {
    if (visit.session) {
      const { accountId, sid, clientId } = visit.session
      const origin = { ...visit.origin, actor: { type: 'account', id: accountId } as const }
      await endSession(deps, origin, { accountId, sid, clientId, reason: 'logout' })
    }
    forgetSession(deps, reply)
  }

  const sendSignedOut = (
    visit: Visit,
    reply: FastifyReply,
    { client, continueAt }: Pick<LogoutRequest, 'client' | 'continueAt'>,
  ) => {
    if (continueAt !== null) return sendTo(deps, reply, visit, continueAt)
    const ctx = contextFor(visit, client, null)
    const page = signedOutPage(ctx, {
      continueHref: client?.clientUri ?? null,
      signInHref: client ? null : SIGN_IN_PATH,
    })
    return sendPage(deps, reply, visit, { page, status: 200, language: ctx.language.tag })
  }

  const ask = (
    visit: Visit,
    reply: FastifyReply,
    asked: LogoutRequest,
    problem: PageProblem | null = null,
  ) => {
    const { client, continueAt } = asked
    const confirmed: Confirmed = { clientId: client?.clientId ?? null, continueAt }
    const sealed = deps.sealer.seal(Buffer.from(JSON.stringify(confirmed)), CONTEXT)
    const ctx = { ...contextFor(visit, client, sealed), redirectUri: continueAt }
    const page = confirmSignOutPage(ctx, {
      action: ACTIONS.signOut,
      cancelHref: HOME_PATH,
      problem: problem?.problem ?? null,
    })
    return sendPage(deps, reply, visit, { page, status: problem?.status ?? 200, language: ctx.language.tag })
  }

  const readConfirmed = async (sealed: string): Promise<LogoutRequest> => {
    const { clientId, continueAt } = openConfirmed(deps, sealed)
    const client = clientId === null ? null : await deps.clients.find(clientId)
    return { client, sid: null, continueAt }
  }

  app.get(
    '/oauth2/logout',
    {
      schema: {
        tags: ['Protocol'],
        summary: 'Sign the user of this browser out',
        description:
          'Ends the browser’s session, and with it what every application got in it; those that are registered for ' +
          'back-channel logout are told. Without a hint that proves it, a page asks first.',
        querystring: Parameters,
        response: RESPONSES,
      },
    },
    async (request, reply) => {
      const visit = await openVisit(deps, request)
      const asked = await readLogoutRequest(deps, request.query, visit.origin.now)
      if (visit.session && asked.sid !== visit.session.sid) return ask(visit, reply, asked)
      await end(visit, reply)
      return sendSignedOut(visit, reply, asked)
    },
  )

  // A form of another site brings no cookies, because they are Lax; the address that it is sent on to does.
  app.post(
    '/oauth2/logout',
    {
      schema: {
        tags: ['Protocol'],
        summary: 'The same, with the parameters in a form',
        consumes: ['application/x-www-form-urlencoded'],
        body: OpenParameters({}, { examples: [{ client_id: 'web-shop-4f2a9c1b' }] }),
        response: RESPONSES,
      },
    },
    async (request, reply) => {
      const visit = await openVisit(deps, request)
      const query = new URLSearchParams()
      const given = request.body as Record<string, unknown>
      for (const name of LOGOUT_PARAMETERS) {
        for (const value of [given[name]].flat()) if (typeof value === 'string') query.append(name, value)
      }
      return sendTo(deps, reply, { ...visit, newBrowserId: null }, `/oauth2/logout?${query}`)
    },
  )

  app.post(ACTIONS.signOut, { schema: { hide: true, body: FormBody } }, async (request, reply) => {
    const { visit, problem } = await openPlainForm(deps, request, request.body)
    const asked = await readConfirmed(request.body.flow ?? '')
    if (problem) return ask(visit, reply, asked, problem)
    await end(visit, reply)
    return sendSignedOut(visit, reply, asked)
  })
}
