// Signing in with a password. This folder owns who signs in: names, passwords, external subjects; second
// factors are the authenticators', the pending step between is the challenges'.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { authenticateClient, basicCredentials } from '../oauth/authenticate-client.ts'
import { BUILT_IN_CLIENT } from '../oauth/client.ts'
import { originOf } from '../request-origin.ts'
import { errorResponses, PlainText, Strict } from '../schemas.ts'
import { ScopeText, SignInAnswer } from '../sign-in-schemas.ts'
import { logIn } from './log-in.ts'

const LoginBody = Strict(
  {
    username: PlainText({ minLength: 1, maxLength: 254, description: 'A user name or an email address.' }),
    password: Type.String({ minLength: 1, maxLength: 1024 }),
    client_id: Type.Optional(PlainText({ minLength: 1, maxLength: 128 })),
    scope: Type.Optional(ScopeText),
  },
  { examples: [{ username: 'ada', password: 'correct horse battery staple' }] },
)

export const accountRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
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
          ),
        },
      },
    },
    async (request, reply) => {
      const { username, password, client_id: clientId, scope } = request.body
      const origin = originOf(request, deps.clock())
      const basic = basicCredentials(request.headers.authorization)
      if (basic && clientId !== undefined && clientId !== basic.clientId) {
        throw new AuthError('invalid_request', 'client_id is not the client of HTTP Basic.', {
          fields: ['client_id'],
        })
      }
      const credentials = basic ?? {
        clientId: clientId ?? BUILT_IN_CLIENT,
        secret: null,
        method: 'none' as const,
      }
      const client = await authenticateClient(deps, credentials, origin)
      reply.header('cache-control', 'no-store')
      return logIn(deps, origin, client, { username, password, scope })
    },
  )
}
