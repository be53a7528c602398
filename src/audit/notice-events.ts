// Events of telling clients that sessions have ended.
import { type AuditEvent, auditEvent, type Origin } from './event.ts'

type Notice = { noticeId: string; clientId: string; accountId: string; sid: string; attempts: number }

const about = ({ clientId, accountId, sid }: Notice) => ({ clientId, accountId, sessionId: sid })

export const noticeDelivered = (origin: Origin, notice: Notice): AuditEvent =>
  auditEvent('logout_notice.delivered', 'success', origin, {
    ...about(notice),
    details: { notice_id: notice.noticeId, attempts: notice.attempts },
  })

/** `error` is what the client, or what is between, answered last. */
export const noticeFailed = (origin: Origin, notice: Notice & { error: string }): AuditEvent =>
  auditEvent('logout_notice.failed', 'failure', origin, {
    ...about(notice),
    details: { notice_id: notice.noticeId, attempts: notice.attempts, error: notice.error },
  })
