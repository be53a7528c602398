// A notice to a client that a session has ended. Pure. This room owns the notices from the moment they are written;
// `sessions/` decides who gets one.

/** A client that has to be told of the end of a session. */
export type NoticeWanted = { clientId: string; accountId: string; sid: string }

/** A notice that is to be written; `id` is the `jti` of its logout token. */
export type NewNotice = NoticeWanted & { id: string }

/** One that a sender has leased. `attempts` counts this one. */
export type LeasedNotice = NewNotice & { createdAt: Date; attempts: number }

export const NOTICE_STATUSES = ['pending', 'delivered', 'failed'] as const
export type NoticeStatus = (typeof NOTICE_STATUSES)[number]
