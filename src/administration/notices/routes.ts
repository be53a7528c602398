// What clients are told of sessions that have ended, for administrators: what is still to be sent, and what came of it.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ADMINISTRATOR_ERRORS } from '../../callers/guard-administration.ts'
import type { Deps } from '../../deps.ts'
import { NOTICE_STATUSES } from '../../notices/notice.ts'
import { findNotices, type ListedNotice } from '../../notices/store.ts'
import { decodeCursor, toPage } from '../../wire/page-cursor.ts'
import {
  errorResponses,
  Nullable,
  Page,
  PageQuery,
  PlainText,
  Strict,
  Timestamp,
  UUID,
  Uuid,
} from '../../wire/schemas.ts'

const NoticeItem = Type.Object({
  id: Type.String({
    description: 'The `jti` of the logout token.',
    examples: ['01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11'],
  }),
  client_id: Type.String({ examples: ['web-app'] }),
  account_id: Uuid,
  session_id: Uuid,
  status: Type.Enum([...NOTICE_STATUSES]),
  attempts: Type.Integer(),
  last_error: Nullable(Type.String({ examples: ['status 503'] })),
  created_at: Timestamp,
  next_attempt_at: Nullable(Timestamp),
  settled_at: Nullable(Timestamp),
})

const NoticesQuery = Strict({
  ...PageQuery,
  client_id: Type.Optional(PlainText({ minLength: 1, maxLength: 128 })),
  status: Type.Optional(Type.Enum([...NOTICE_STATUSES])),
})

const statusOf = ({ deliveredAt, failedAt }: ListedNotice) => {
  if (deliveredAt) return 'delivered' as const
  return failedAt ? ('failed' as const) : ('pending' as const)
}

const toItem = (notice: ListedNotice) => {
  const status = statusOf(notice)
  return {
    id: notice.id,
    client_id: notice.clientId,
    account_id: notice.accountId,
    session_id: notice.sid,
    status,
    attempts: notice.attempts,
    last_error: notice.lastError,
    created_at: notice.createdAt.toISOString(),
    next_attempt_at: status === 'pending' ? notice.nextAttemptAt.toISOString() : null,
    settled_at: (notice.deliveredAt ?? notice.failedAt)?.toISOString() ?? null,
  }
}

export const noticeAdminRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/v1/admin/logout-notices',
    {
      schema: {
        tags: ['Administrators'],
        security: [{ bearer: [] }],
        summary: 'What clients are told of sessions that have ended, the newest first',
        description: 'By back-channel logout. What was delivered or given up is shown for 30 days.',
        querystring: NoticesQuery,
        response: { 200: Page(NoticeItem), ...errorResponses(...ADMINISTRATOR_ERRORS) },
      },
    },
    async (request) => {
      const { client_id: clientId, status, limit = 50, cursor } = request.query
      const [beforeId = null] = cursor === undefined ? [] : decodeCursor(cursor, [UUID])
      const filter = { clientId: clientId ?? null, status: status ?? null }
      const found = await findNotices(deps, filter, { beforeId, limit: limit + 1 })
      return toPage(found.map(toItem), limit, ({ id }) => [id])
    },
  )
}
