// The authorization endpoint (RFC 6749 3.1, OpenID Connect Core 3.1.2) over HTTP. `oauth/authorization/` answers requests;
// this folder owns what a browser is shown on the way.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import type { Asked } from '../oauth/authorization/answer-authorization.ts'
import { findPushedRequest, pushedNameOf } from '../oauth/authorization/open-pushed-request.ts'
import { readParameters } from '../oauth/authorization/parameters.ts'
import { errorResponses, OpenParameters } from '../wire/schemas.ts'
import { openVisit, type Visit } from './browser/open-visit.ts'
import { sendError, sendNext, sendTo } from './flow/answer-page.ts'
import { newFlow } from './flow/flow.ts'
import { followFlow } from './flow/follow-flow.ts'
import { problemOfError } from './flow/problem-of-error.ts'

/** Others are ignored, and repeated ones are answered to the client (RFC 6749 3.1), so nothing is refused by the schema. */
const AuthorizationQuery = OpenParameters({
  client_id: 'The application.',
  redirect_uri: 'Where it is answered: one of its registered ones, exactly.',
  response_type: '`code`.',
  response_mode: '`query` (the default) or `form_post`.',
  scope: '`openid`, and what else is wanted.',
  state: 'Comes back as it is.',
  nonce: 'Comes back in the ID token.',
  code_challenge: 'PKCE (RFC 7636): the SHA-256 of the verifier in base64url.',
  code_challenge_method: '`S256`.',
  prompt: '`none`, `login`, `consent`, `select_account`; `create` where accounts may register themselves.',
  max_age: 'How old the authentication may be, in seconds.',
  acr_values: '`aal1`, `aal2`, `phr`: one of them is reached, or refused.',
  login_hint: 'The user name to offer.',
  id_token_hint: 'An ID token of the user who is expected.',
  ui_locales: 'Languages of the pages.',
  claims: 'Single claims (OpenID Connect Core 5.5).',
  resource: 'Whom the access token is for (RFC 8707); may be repeated.',
  dpop_jkt: 'The key that the code is bound to (RFC 9449 10).',
  request_uri: 'A request that was pushed to `/oauth2/par` (RFC 9126).',
  lang: 'The language of the page.',
})

const DESCRIPTION =
  'The browser is redirected here. It is redirected back with a `code`, or with an `error`, and with `iss` (RFC 9207); in ' +
  'between, its user signs in, proves a second factor or enrolls one, and consents, where that is needed. Where the client ' +
  'or the redirect URI is not registered, a page says so, and nothing is sent to it.'

const RESPONSES = {
  200: Type.String({
    description: 'A page: sign in, second factor, enrollment, consent; or a form that posts the answer.',
  }),
  303: Type.Null({ description: 'Back to the redirect URI, with the answer.' }),
  ...errorResponses(),
}

/** A pushed request under its name, or the request itself. */
const askedOf = async (deps: Deps, visit: Visit, query: Record<string, unknown>): Promise<Asked | null> => {
  const parameters = readParameters(query)
  const name = pushedNameOf(parameters)
  if (name === null) return { parameters, pushed: null }
  const found = await findPushedRequest(deps, { ...name, browser: visit.browser }, visit.origin.now)
  return found && { parameters: found, pushed: name.requestUri }
}

const EXPIRED = [
  { label: 'error', value: 'invalid_request_uri' },
  {
    label: 'description',
    value:
      'This request_uri has expired, was used, or belongs to another application or browser. Push the request again.',
  },
]

export const authorizeRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/oauth2/authorize',
    {
      schema: {
        tags: ['Protocol'],
        summary: 'Sign a user in, and return with a code',
        description: DESCRIPTION,
        querystring: AuthorizationQuery,
        response: RESPONSES,
      },
    },
    async (request, reply) => {
      const visit = await openVisit(deps, request)
      const asked = await askedOf(deps, visit, request.query)
      if (asked === null) {
        const problem = problemOfError(null, visit.origin.now)
        return sendError(deps, reply, visit, {
          problem: { ...problem, problem: { kind: 'timed_out' }, status: 400 },
          details: EXPIRED,
        })
      }
      const flow = newFlow(asked, visit.browser, visit.origin.now)
      return sendNext(deps, reply, visit, await followFlow(deps, visit, flow), { way: 'address' })
    },
  )

  // A form of another site brings no cookies, because they are Lax; the address that it is sent on to does.
  app.post(
    '/oauth2/authorize',
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
      for (const [name, value] of Object.entries(readParameters({ ...request.body }))) {
        for (const text of [value].flat()) query.append(name, text)
      }
      return sendTo(deps, reply, { ...visit, newBrowserId: null }, `${request.url.split('?')[0]}?${query}`)
    },
  )
}
