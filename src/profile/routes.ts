// The account’s own profile and password. Its authenticators, sessions and activity have routes of their own beside this file.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { DisplayName } from '../accounts/schemas.ts'
import { authenticateAccount } from '../callers/authenticate-account.ts'
import { originOf } from '../callers/request-origin.ts'
import { requireFreshSecondFactor } from '../callers/require-fresh-second-factor.ts'
import type { Deps } from '../deps.ts'
import { changePassword } from '../passwords/change-password.ts'
import { errorResponses, Nullable, Strict } from '../wire/schemas.ts'
import { changeProfile } from './change-profile.ts'
import { ProfileItem } from './schemas.ts'
import { showProfile } from './show-profile.ts'

const ProfileBody = Strict(
  { display_name: Nullable(DisplayName) },
  { examples: [{ display_name: 'Ada Lovelace' }] },
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

export const profileRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/v1/me',
    {
      schema: {
        ...own('Who you are, and your second factor'),
        response: { 200: ProfileItem, ...errorResponses('invalid_token') },
      },
    },
    async (request) => {
      const { account } = await authenticateAccount(deps, request.headers.authorization, deps.clock())
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
    async (request) => {
      const now = deps.clock()
      const { account } = await authenticateAccount(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: account.id })
      await changeProfile(deps, origin, account, request.body.display_name)
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
