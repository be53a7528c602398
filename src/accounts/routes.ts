// Signing in with a password, and the account's own profile. This folder owns who signs in: names, passwords, external subjects; second
// factors are the authenticators', the pending step between is the challenges'.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { requireFreshSecondFactor } from '../authenticators/require-fresh-second-factor.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { authenticateClient, basicCredentials } from '../oauth/authenticate-client.ts'
import { BUILT_IN_CLIENT } from '../oauth/client.ts'
import { originOf } from '../request-origin.ts'
import { errorResponses, PlainText, Strict } from '../schemas.ts'
import { authenticateAccount } from '../sessions/authenticate-account.ts'
import { ScopeText, SignInAnswer } from '../sign-in-schemas.ts'
import { AccountPatch, ProfileItem } from './account-schemas.ts'
import { changeAccount } from './change-account.ts'
import { changePassword } from './change-password.ts'
import { logIn } from './log-in.ts'
import { showProfile } from './show-profile.ts'

const LoginBody = Strict(
  {
    username: PlainText({ minLength: 1, maxLength: 254, description: 'A user name or an email address.' }),
    password: Type.String({ minLength: 1, maxLength: 1024 }),
    client_id: Type.Optional(PlainText({ minLength: 1, maxLength: 128 })),
    scope: Type.Optional(ScopeText),
  },
  { examples: [{ username: 'ada', password: 'correct horse battery staple' }] },
)

const ProfileBody = Strict(
  { display_name: AccountPatch.properties.display_name },
  { minProperties: 1, examples: [{ display_name: 'Ada Lovelace' }] },
)

const PasswordBody = Strict(
  {
    current_password: Type.String({ minLength: 1, maxLength: 1024 }),
    new_password: Type.String({ minLength: 1, maxLength: 1024 }),
    end_other_sessions: Type.Optional(Type.Boolean()),
  },
  {
    examples: [
      { current_password: 'correct horse battery staple', new_password: 'staple battery horse correct' },
    ],
  },
)

const own = (summary: string) => ({ tags: ['The account’s own'], security: [{ bearer: [] }], summary })

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
            'policy_violation',
            'conflict',
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

  app.get(
    '/v1/me',
    {
      schema: {
        ...own('Who you are, and your second factor'),
        response: { 200: ProfileItem, ...errorResponses('invalid_token') },
      },
    },
    async (request, reply) => {
      const { account } = await authenticateAccount(deps, request.headers.authorization, deps.clock())
      reply.header('cache-control', 'no-store')
      return showProfile(deps, account.id)
    },
  )

  app.patch(
    '/v1/me',
    {
      schema: {
        ...own('Change your display name'),
        description: 'That of a client’s external subject is its client’s to change.',
        body: ProfileBody,
        response: { 200: ProfileItem, ...errorResponses('invalid_token') },
      },
    },
    async (request, reply) => {
      const now = deps.clock()
      const { account } = await authenticateAccount(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: account.id })
      await changeAccount(deps, origin, account.id, request.body)
      reply.header('cache-control', 'no-store')
      return showProfile(deps, account.id)
    },
  )

  app.put(
    '/v1/me/password',
    {
      schema: {
        ...own('Change your password'),
        description: 'Needs a fresh second factor (15 minutes). Ends pending challenges.',
        body: PasswordBody,
        response: {
          204: Type.Null(),
          ...errorResponses(
            'invalid_token',
            'insufficient_user_authentication',
            'weak_password',
            'invalid_credentials',
            'too_many_attempts',
            'not_found',
            'conflict',
          ),
        },
      },
    },
    async (request, reply) => {
      const now = deps.clock()
      const { session, account } = await authenticateAccount(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: account.id })
      await requireFreshSecondFactor(deps, origin, session, account)
      await changePassword(deps, origin, {
        accountId: account.id,
        sid: session.sid,
        currentPassword: request.body.current_password,
        newPassword: request.body.new_password,
        endOtherSessions: request.body.end_other_sessions ?? false,
      })
      return reply.code(204).send(null)
    },
  )
}
