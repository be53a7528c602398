import { authorizationDenied } from '../../audit/authentication-events.ts'
import type { Origin } from '../../audit/event.ts'
import { recordEvent } from '../../audit/store.ts'
import type { Deps } from '../../deps.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import { type AuthorizationResponse, authorizationResponse } from './authorization-response.ts'

/** The answer where its user does not allow what the request asks for (RFC 6749 4.1.2.1). */
export const refuseAuthorization = async (
  deps: Pick<Deps, 'config' | 'postgres'>,
  origin: Origin,
  { client, target, scope }: AuthorizationRequest,
  { accountId, sid }: { accountId: string; sid: string },
): Promise<AuthorizationResponse> => {
  const about = { accountId, clientId: client.clientId, sessionId: sid, scope }
  await recordEvent(deps, authorizationDenied(origin, about))
  const answer = { error: 'access_denied', error_description: 'The user did not allow it.' } as const
  return authorizationResponse(deps.config.issuer, target, answer)
}
