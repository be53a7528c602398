// Ending the caller's session. This folder owns signed-in sessions and their refresh-token families: opened,
// renewed, listed, ended. Whether one may be opened is the policy's; what speaks for it, the tokens'.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { originOf } from '../request-origin.ts'
import { errorResponses } from '../schemas.ts'
import { authenticateSession } from './authenticate-session.ts'
import { logOut } from './log-out.ts'

export const sessionRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(
    '/v1/logout',
    {
      schema: {
        tags: ['Signing in'],
        summary: 'End this session',
        description: 'Its access and refresh tokens are refused from then on.',
        security: [{ bearer: [] }],
        response: { 204: Type.Null(), ...errorResponses('invalid_token') },
      },
    },
    async (request, reply) => {
      const now = deps.clock()
      const session = await authenticateSession(deps, request.headers.authorization, now)
      await logOut(deps, originOf(request, now, { type: 'account', id: session.accountId }), session)
      return reply.code(204).send(null)
    },
  )
}
