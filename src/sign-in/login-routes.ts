// Signing in with a password. This room owns the way from a first factor to tokens.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { Origin } from '../audit/event.ts'
import { authenticateClient, presentedClientOf } from '../callers/authenticate-client.ts'
import { originOf } from '../callers/guard.ts'
import { BUILT_IN_CLIENT, type Client, isPublic } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import type { EndUser } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'
import { cutUserAgent, USER_AGENT_LENGTH } from '../wire/end-user.ts'
import { Address, errorResponses, PlainText, Strict } from '../wire/schemas.ts'
import { withTokens } from './issue-tokens.ts'
import { logIn } from './log-in.ts'
import { ScopeText, SignInAnswer, toSignInAnswer } from './schemas.ts'

const LoginBody = Strict(
  {
    username: PlainText({ minLength: 1, maxLength: 254, description: 'A user name or an email address.' }),
    password: Type.String({ minLength: 1, maxLength: 1024 }),
    client_id: Type.Optional(PlainText({ minLength: 1, maxLength: 128 })),
    scope: Type.Optional(ScopeText),
    ip: Type.Optional(Address("The end user's address, from a backend that authenticates as its client.")),
    user_agent: Type.Optional(
      PlainText({ maxLength: USER_AGENT_LENGTH, description: "The end user's, likewise." }),
    ),
  },
  { examples: [{ username: 'ada', password: 'correct horse battery staple' }] },
)

/**
 * Whom a backend signs in: their address and user agent, as it names them. Null where no client is authenticated: then
 * the request comes from the end user.
 * @throws {AuthError} invalid_request, where no client is authenticated but an end user is named: otherwise anyone could
 *   name a new address for each try.
 */
const endUserOf = (
  client: Client,
  { ip, user_agent: userAgent }: Static<typeof LoginBody>,
): EndUser | null => {
  if (!isPublic(client)) return { ip: ip ?? null, userAgent: cutUserAgent(userAgent) }
  const fields = [...(ip === undefined ? [] : ['ip']), ...(userAgent === undefined ? [] : ['user_agent'])]
  if (fields.length === 0) return null
  throw new AuthError('invalid_request', 'Only a backend that authenticates names an end user.', { fields })
}

/** The address that a sign-in is counted and recorded by: the end user's, where a backend names it, else the request's. */
const countedAs = (own: Origin, endUser: EndUser | null): Origin => ({
  ...own,
  ip: endUser?.ip ?? own.ip,
  userAgent: endUser?.userAgent ?? own.userAgent,
})

export const loginRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(
    '/v1/login',
    {
      schema: {
        tags: ['Signing in'],
        summary: 'Sign in with a password',
        description:
          'First-party clients only; without `client_id`, and without HTTP Basic, the built-in client `postern`.',
        body: LoginBody,
        response: {
          200: SignInAnswer,
          ...errorResponses(
            'invalid_credentials',
            'invalid_client',
            'unauthorized_client',
            'invalid_scope',
            'account_disabled',
            'too_many_attempts',
            'account_locked',
            'policy_violation',
            'conflict',
          ),
        },
      },
    },
    async (request) => {
      const { username, password, client_id: clientId, scope } = request.body
      const own = originOf(request, deps.clock())
      const presented = presentedClientOf(request)
      if (presented && clientId !== undefined && clientId !== presented.clientId) {
        throw new AuthError('invalid_request', 'client_id is not the client of HTTP Basic.', {
          fields: ['client_id'],
        })
      }
      const named = { clientId: clientId ?? BUILT_IN_CLIENT, secret: null }
      const client = presented ?? (await authenticateClient(deps, named, own))
      const endUser = endUserOf(client, request.body)
      const given = { username, password, scope, endUser }
      const result = await logIn(deps, countedAs(own, endUser), client, given)
      return toSignInAnswer(withTokens(deps, result, own.now))
    },
  )
}
