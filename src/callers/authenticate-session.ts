// Whose request this is: a valid access token whose session still lives. Asked of the ephemeral store every
// time, so that a token whose session has ended is refused at once.

import type { Origin } from '../audit/event.ts'
import type { ListedSession, SessionStore } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'
import type { AccessTokenVerifier } from '../tokens/verify-access-token.ts'

/** The token of `Authorization: Bearer …` (RFC 6750 2.1). @throws {AuthError} invalid_token where there is none. */
export const bearerToken = (authorization: string | undefined): string => {
  const [, token] = /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization ?? '') ?? []
  if (!token) throw new AuthError('invalid_token', 'An access token is needed in the Authorization header.')
  return token
}

type Deps = { verifyAccessToken: AccessTokenVerifier; ephemeral: { sessions: SessionStore } }

/** @throws {AuthError} invalid_token: not a valid access token of a person, or its session has ended. */
export const authenticateSession = async (
  deps: Deps,
  authorization: string | undefined,
  now: Date,
): Promise<ListedSession> => {
  const claims = await deps.verifyAccessToken(bearerToken(authorization), now)
  if (claims.sid === null)
    throw new AuthError('invalid_token', 'This token speaks for a client, not for an account.')
  const session = await deps.ephemeral.sessions.touch(claims.sub, claims.sid, now.getTime())
  if (!session) throw new AuthError('invalid_token', 'The session has ended.')
  return session
}

/** Who asks: a live session. `origin` names its account as the one who acts. */
export type SessionCaller = { session: ListedSession; origin: Origin }

/** @throws {AuthError} as `authenticateSession` */
export const authenticateSessionCaller = async (
  deps: Deps,
  request: Origin,
  authorization: string | undefined,
): Promise<SessionCaller> => {
  const session = await authenticateSession(deps, authorization, request.now)
  return { session, origin: { ...request, actor: { type: 'account', id: session.accountId } } }
}
