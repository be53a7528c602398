// An authorization code (RFC 6749 4.1.2): for one request, of one browser's session, once, within a minute. What its grant
// will be is decided here; redeeming it opens the grant in the session, if that is still there.
import type { Account } from '../../accounts/account.ts'
import { authorizationGranted } from '../../audit/authentication-events.ts'
import type { Origin } from '../../audit/event.ts'
import { recordEvent } from '../../audit/store.ts'
import { registrationOf } from '../../clients/client.ts'
import type { Deps } from '../../deps.ts'
import { newAccountToken } from '../../encryption/opaque-token.ts'
import type { UsedSession } from '../../ephemeral/sessions.ts'
import { AuthError } from '../../errors.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import { packClaims } from './claims-request.ts'
import { codeBinding } from './code-binding.ts'
import { takePushedRequest } from './open-pushed-request.ts'

/** docs/security.md 26. */
const CODE_TTL_SECONDS = 60

type Granted = {
  request: AuthorizationRequest
  session: UsedSession
  account: Account
  pushed: string | null
}

/**
 * The code, or null where the session has ended.
 * @throws {AuthError} invalid_request, where the pushed request was answered before
 */
export const issueCode = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'randomBytes'>,
  origin: Origin,
  { request, session, account, pushed }: Granted,
): Promise<string | null> => {
  const { client, target, scope } = request
  if (pushed !== null && !(await takePushedRequest(deps, pushed, origin.now)))
    throw new AuthError('invalid_request', 'This pushed request was answered before.', {
      fields: ['request_uri'],
    })
  const code = newAccountToken('code', account.id, deps.randomBytes)
  const { redirectUri } = target
  const { authTime, secondFactorAt, acr, amr, sid } = session
  const binding = codeBinding({
    ...registrationOf(client),
    redirectUri,
    codeChallenge: request.codeChallenge,
  })
  const opening = deps.ephemeral.codes.open(code, {
    record: {
      accountId: account.id,
      sid,
      grant: {
        ...registrationOf(client),
        scope,
        authTime,
        secondFactorAt,
        acr,
        amr,
        audience: request.resources.length > 0 ? request.resources : null,
        claims: packClaims(request.claims),
      },
      isRenewable: client.grantTypes.includes('refresh_token'),
      nonce: request.nonce,
      redirectUri,
      codeChallenge: request.codeChallenge,
      binding,
      jkt: request.jkt,
      issuedAt: Math.floor(origin.now.getTime() / 1000),
    },
    ttlSeconds: CODE_TTL_SECONDS,
    nowMs: origin.now.getTime(),
  })
  // Both at once: nobody has the code of a grant whose event is not durable.
  const about = { accountId: account.id, clientId: client.clientId, sessionId: sid, scope, acr }
  const [opened] = await Promise.all([opening, recordEvent(deps, authorizationGranted(origin, about))])
  return opened ? code : null
}
