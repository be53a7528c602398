// An account's own part of the audit log. `audit/` owns the log.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { listAccountEvents } from '../audit/list-events.ts'
import { ActivityPage, toActivityItem } from '../audit/schemas.ts'
import { accountCallerOf, ownRoute } from '../callers/guard-account.ts'
import type { Deps } from '../deps.ts'
import { errorResponses, PageQuery, Strict } from '../wire/schemas.ts'

export const activityRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/v1/me/activity',
    {
      schema: {
        ...ownRoute('What has happened to your account, newest first'),
        querystring: Strict(PageQuery),
        response: { 200: ActivityPage, ...errorResponses('invalid_token') },
      },
    },
    async (request) => {
      const { account } = accountCallerOf(request)
      const { limit = 50, cursor } = request.query
      const { items, next_cursor } = await listAccountEvents(deps, account.id, { limit, cursor })
      return { items: items.map(toActivityItem), next_cursor }
    },
  )
}
