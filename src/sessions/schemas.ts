// A signed-in session as the account itself and administrators see it; never a token. Pure.
import { type Static, Type } from 'typebox'
import type { ListedSession } from '../ephemeral/sessions.ts'
import { Nullable, Timestamp, Uuid } from '../wire/schemas.ts'

export const Acr = Type.Union([Type.Literal('aal1'), Type.Literal('aal2'), Type.Literal('phr')])

export const SessionItem = Type.Object({
  id: Uuid,
  client_id: Type.String({ examples: ['postern'] }),
  acr: Acr,
  amr: Type.Array(Type.String(), { examples: [['pwd', 'otp', 'mfa']] }),
  ip: Nullable(Type.String({ examples: ['203.0.113.9'] })),
  user_agent: Nullable(Type.String()),
  created_at: Timestamp,
  last_seen_at: Timestamp,
  second_factor_at: Nullable(Timestamp),
  expires_at: Timestamp,
})
export type SessionItem = Static<typeof SessionItem>

const timestamp = (epochSeconds: number): string => new Date(epochSeconds * 1000).toISOString()

export const toSessionItem = (session: ListedSession): SessionItem => ({
  id: session.sid,
  client_id: session.clientId,
  acr: session.acr,
  amr: session.amr,
  ip: session.ip,
  user_agent: session.userAgent,
  created_at: timestamp(session.createdAt),
  last_seen_at: timestamp(session.lastSeenAt),
  second_factor_at: session.secondFactorAt === null ? null : timestamp(session.secondFactorAt),
  expires_at: timestamp(session.absoluteAt),
})

/** What happens to an account's other sessions when it changes its factors or its password. */
export type OtherSessions = 'end' | 'keep'

/** The member of a request that keeps them. */
export const KEEP_OTHER_SESSIONS = {
  keep_other_sessions: Type.Optional(
    Type.Boolean({ description: 'True keeps the other sessions, which end without it.' }),
  ),
}

export const otherSessionsOf = ({
  keep_other_sessions: keep,
}: {
  keep_other_sessions?: boolean
}): OtherSessions => (keep ? 'keep' : 'end')
