// The account's own sessions over HTTP: list them and end them.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { bearerCallerOf, ownRoute, sessionCallerOf } from '../callers/guard-account.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { endSession } from '../sessions/end-session.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { listSessions } from '../sessions/list-sessions.ts'
import { SessionItem, toSessionItem } from '../sessions/schemas.ts'
import { errorResponses, Page, PageQuery, Strict, Uuid } from '../wire/schemas.ts'

const OwnSessionItem = Type.Object({
  ...SessionItem.properties,
  current: Type.Boolean({ description: 'The one that asks.' }),
})

/** Any token for Postern may end its own session, whatever its scope. */
export const logoutRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
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
      const { session, origin } = bearerCallerOf(request)
      const { accountId, sid, clientId } = session
      await endSession(deps, origin, { accountId, sid, clientId, reason: 'logout' })
      return reply.code(204).send(null)
    },
  )
}

export const sessionRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/v1/me/sessions',
    {
      schema: {
        ...ownRoute('List sessions, the newest first'),
        querystring: Strict(PageQuery),
        response: { 200: Page(OwnSessionItem), ...errorResponses('invalid_token') },
      },
    },
    async (request) => {
      const { session: current, origin } = sessionCallerOf(request)
      const { items, next_cursor } = await listSessions(deps, current.accountId, request.query, origin.now)
      const own = items.map((session) => ({
        ...toSessionItem(session),
        current: session.sid === current.sid,
      }))
      return { items: own, next_cursor }
    },
  )

  app.delete(
    '/v1/me/sessions/:id',
    {
      schema: {
        ...ownRoute('End a session'),
        description: 'Its access and refresh tokens are refused from then on. It may be the one that asks.',
        params: Strict({ id: Uuid }),
        response: { 204: Type.Null(), ...errorResponses('invalid_token', 'not_found') },
      },
    },
    async (request, reply) => {
      const { session, origin } = sessionCallerOf(request)
      const asked = { accountId: session.accountId, sid: request.params.id, reason: 'ended_by_account' }
      if (!(await endSession(deps, origin, asked)))
        throw new AuthError('not_found', 'The account has no such session.')
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/v1/me/sessions',
    {
      schema: {
        ...ownRoute('End all other sessions'),
        description: 'And every sign-in that is under way: its challenges and enrollments.',
        response: { 204: Type.Null(), ...errorResponses('invalid_token') },
      },
    },
    async (request, reply) => {
      const { session, origin } = sessionCallerOf(request)
      const { accountId, sid: keptSessionId } = session
      await endSessions(deps, origin, { accountId, keptSessionId, reason: 'ended_by_account' })
      return reply.code(204).send(null)
    },
  )
}
