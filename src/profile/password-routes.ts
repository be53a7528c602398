// The account’s own password.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { changeCallerOf, ownRoute } from '../callers/guard-account.ts'
import type { Deps } from '../deps.ts'
import { changePassword } from '../passwords/change-password.ts'
import { KEEP_OTHER_SESSIONS, otherSessionsOf } from '../sessions/schemas.ts'
import { errorResponses, Strict } from '../wire/schemas.ts'

const PasswordBody = Strict(
  {
    current_password: Type.String({ minLength: 1, maxLength: 1024 }),
    new_password: Type.String({ minLength: 1, maxLength: 1024 }),
    ...KEEP_OTHER_SESSIONS,
  },
  {
    examples: [
      { current_password: 'correct horse battery staple', new_password: 'staple battery horse correct' },
    ],
  },
)

export const passwordRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.put(
    '/v1/me/password',
    {
      schema: {
        ...ownRoute('Change your password'),
        description:
          'Needs a fresh second factor (15 minutes). Ends pending challenges, and every session but this one unless they are to be kept.',
        body: PasswordBody,
        response: {
          204: Type.Null(),
          ...errorResponses(
            'invalid_token',
            'access_denied',
            'insufficient_user_authentication',
            'weak_password',
            'invalid_credentials',
            'too_many_attempts',
            'account_locked',
            'not_found',
            'conflict',
          ),
        },
      },
    },
    async (request, reply) => {
      const { session, account, origin } = changeCallerOf(request)
      await changePassword(deps, origin, {
        accountId: account.id,
        sid: session.sid,
        currentPassword: request.body.current_password,
        newPassword: request.body.new_password,
        others: otherSessionsOf(request.body),
      })
      return reply.code(204).send(null)
    },
  )
}
