// The backend that opens a challenge: HTTP Basic, or a Bearer token of `client_credentials`.
import type { Origin } from '../audit/event.ts'
import type { Client } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { authenticateClient, basicCredentials } from './authenticate-client.ts'
import { bearerToken } from './authenticate-session.ts'

type BackendDeps = Pick<Deps, 'postgres' | 'clients' | 'verifyAccessToken'>

const bearerClient = async (
  deps: BackendDeps,
  authorization: string | undefined,
  now: Date,
): Promise<Client> => {
  const claims = await deps.verifyAccessToken(bearerToken(authorization), now)
  if (claims.sid !== null)
    throw new AuthError('invalid_token', 'This token speaks for an account, not for a client.')
  if (!claims.scope.split(' ').includes('challenges')) throw new AuthError('insufficient_scope')
  const client = await deps.clients.find(claims.clientId)
  if (!client) throw new AuthError('invalid_token', 'The client is no longer registered.')
  return client
}

/** @throws {AuthError} invalid_client, invalid_token, insufficient_scope */
export const authenticateBackend = async (
  deps: BackendDeps,
  authorization: string | undefined,
  origin: Origin,
): Promise<Client> => {
  const basic = basicCredentials(authorization)
  if (!basic && authorization === undefined) throw new AuthError('invalid_client')
  const client = basic
    ? await authenticateClient(deps, basic, origin)
    : await bearerClient(deps, authorization, origin.now)
  // A public client proves nothing, so it cannot vouch for anyone's first factor.
  if (client.secretHash === null || !client.scopes.includes('challenges'))
    throw new AuthError('insufficient_scope')
  return client
}
