// The audit log, for administrators. An account's own part of it is at `GET /v1/me/activity`.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { listEvents } from '../../audit/list-events.ts'
import { AuditPage, toAuditItem } from '../../audit/schemas.ts'
import { ADMINISTRATOR_ERRORS } from '../../callers/guard-administration.ts'
import type { Deps } from '../../deps.ts'
import { errorResponses, PageQuery, Strict, Timestamp, Uuid } from '../../wire/schemas.ts'

const AuditQuery = Strict({
  ...PageQuery,
  account_id: Type.Optional(Uuid),
  event: Type.Optional(
    Type.String({
      pattern: '^[a-z_]+\\.([a-z_]+|\\*)$',
      maxLength: 64,
      description: 'One event (`challenge.passed`), or all of a kind (`challenge.*`).',
    }),
  ),
  outcome: Type.Optional(Type.Enum(['success', 'failure'])),
  from: Type.Optional(Type.String({ ...Timestamp, description: 'At this time or later.' })),
  to: Type.Optional(Type.String({ ...Timestamp, description: 'Before this time.' })),
})

const timeOf = (text: string | undefined): Date | null => (text === undefined ? null : new Date(text))

export const auditAdminRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/v1/admin/audit',
    {
      schema: {
        tags: ['Administrators'],
        security: [{ bearer: [] }],
        summary: 'The audit log, newest first',
        querystring: AuditQuery,
        response: {
          200: AuditPage,
          ...errorResponses(...ADMINISTRATOR_ERRORS),
        },
      },
    },
    async (request) => {
      const { account_id: accountId, event, outcome, from, to, limit = 50, cursor } = request.query
      const filter = {
        accountId: accountId ?? null,
        event: event ?? null,
        outcome: outcome ?? null,
        from: timeOf(from),
        to: timeOf(to),
      }
      const { items, next_cursor } = await listEvents(deps, filter, { limit, cursor })
      return { items: items.map(toAuditItem), next_cursor }
    },
  )
}
