// Logout tokens (OpenID Connect Back-Channel Logout 1.0 2.4): what a client is told of the end of a session.
import type { Client } from '../clients/client.ts'
import type { SigningKeys } from './signing-key-cache.ts'
import { subjectOf } from './subject.ts'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

/** 2.4 recommends two minutes at most; one that is sent again is signed again. */
const LOGOUT_TOKEN_TTL_SECONDS = 120

/**
 * Signed like the client's ID tokens. `id` is the notice's, whose `jti` is the same each time that it is sent.
 * @throws {AuthError} temporarily_unavailable, where this replica has not read the client's first signing key yet
 */
export const mintLogoutToken = (
  deps: { config: { issuer: string }; signingKeys: SigningKeys; pairwiseSalt: Buffer },
  client: Client,
  { id, accountId, sid }: { id: string; accountId: string; sid: string },
  now: Date,
): string => {
  const iat = Math.floor(now.getTime() / 1000)
  const { jwt } = deps.signingKeys.current(now, client.idTokenSignedResponseAlg)
  return jwt.signLogout({
    iss: deps.config.issuer,
    sub: subjectOf(deps, client, accountId),
    aud: client.clientId,
    iat,
    exp: iat + LOGOUT_TOKEN_TTL_SECONDS,
    jti: id,
    events: { [EVENT]: {} },
    sid,
  })
}
