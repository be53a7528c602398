import { clientTokenIssued } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import { type Client, grantScope, isPublic, MACHINE_SCOPES } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type AccessToken, mintClientToken } from '../tokens/mint-tokens.ts'

/**
 * The client_credentials grant (RFC 6749 4.4): a token of the client for itself, which opens no account.
 * @throws {AuthError} unauthorized_client for a public client, invalid_scope
 */
export const issueClientToken = async (
  deps: Pick<Deps, 'config' | 'postgres' | 'signingKeys'>,
  origin: Origin,
  client: Client,
  { requested, ...bound }: { requested: string | undefined; audience: string | null; jkt: string | null },
): Promise<AccessToken> => {
  if (isPublic(client)) throw new AuthError('unauthorized_client', 'A public client has no token of its own.')
  const scope = grantScope(client, requested, MACHINE_SCOPES)
  await recordEvent(deps, clientTokenIssued(origin, { clientId: client.clientId, scope }))
  return mintClientToken(deps, client, { scope, ...bound }, origin.now)
}
