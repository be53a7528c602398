// A client gives back what it was granted (RFC 7009): a refresh token ends its grant, and so does an access token. What is
// unknown, ended or another client's is answered like what has just been revoked.
import { grantRevoked } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import { readIssuedToken } from '../callers/use-issued-token.ts'
import { type Client, isRegisteredAs } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { notifyOfEnded } from '../sessions/notify-clients.ts'
import { grantOf, parseRefreshToken } from '../tokens/refresh-token.ts'

type RevokeDeps = Pick<Deps, 'postgres' | 'ephemeral' | 'clients' | 'notices' | 'verifyIssuedToken'>

type Place = { accountTag: string; sid: string; grantId: string }

const placeOfAccessToken = async (
  deps: RevokeDeps,
  client: Client,
  token: string,
  now: Date,
): Promise<Place | null> => {
  const claims = await readIssuedToken(deps, token, now)
  if (claims?.clientId !== client.clientId) return null
  if (claims.of === 'account') return claims
  const text = 'A token of the client itself has no session: it ends when it expires.'
  throw new AuthError('unsupported_token_type', text)
}

/** Also for a refresh token that was replaced: whoever has one had the grant. */
const placeOf = async (deps: RevokeDeps, client: Client, token: string, now: Date): Promise<Place | null> => {
  const refresh = parseRefreshToken(token)
  if (refresh) return { ...grantOf(refresh), sid: refresh.sid }
  return placeOfAccessToken(deps, client, token, now)
}

/** @throws {AuthError} unsupported_token_type, for a token of the client itself */
export const revokeToken = async (
  deps: RevokeDeps,
  origin: Origin,
  client: Client,
  token: string,
): Promise<void> => {
  const nowMs = origin.now.getTime()
  const place = await placeOf(deps, client, token, origin.now)
  const session = place && (await deps.ephemeral.sessions.touch(place, nowMs))
  if (!place || !session || !isRegisteredAs(client, session)) return
  // Ended first: should recording fail, the answer says so, and the grant has ended all the same.
  const ended = await deps.ephemeral.sessions.endGrant(place, nowMs)
  if (!ended) return
  const { accountId, clientId, sid: sessionId } = session
  if (ended.endedSession) await notifyOfEnded(deps, accountId, [ended.endedSession])
  await recordEvent(deps, grantRevoked(origin, { accountId, clientId, sessionId }))
}
