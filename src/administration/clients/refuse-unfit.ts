// The rules that hold across the members of a client. Pure.
import { type Client, isPublic, MACHINE_SCOPES } from '../../clients/client.ts'
import { AuthError } from '../../errors.ts'
import { refuseUnfitKeys } from './refuse-unfit-keys.ts'
import { refuseUnfitUris } from './refuse-unfit-uris.ts'

const refuse = (description: string, ...fields: string[]): never => {
  throw new AuthError('invalid_request', description, { fields })
}

const refuseUnfitScopes = (client: Client): void => {
  // A client that opens challenges vouches for the first factor, and a public client cannot prove who it is.
  const vouching = MACHINE_SCOPES.find((scope) => client.scopes.includes(scope))
  if (isPublic(client) && vouching !== undefined)
    refuse(
      `A public client cannot have the scope ${vouching}: leave it out, or choose another token_endpoint_auth_method than "none".`,
      'scopes',
      'token_endpoint_auth_method',
    )
  if (!client.firstParty && client.scopes.includes('postern:admin'))
    refuse(
      'Only a first-party client can have the scope postern:admin: leave it out, or set first_party to true.',
      'scopes',
      'first_party',
    )
}

const refuseUnfitGrants = (client: Client): void => {
  if (client.grantTypes.includes('authorization_code') && client.redirectUris.length === 0)
    refuse(
      'The grant authorization_code needs a redirect URI: add redirect_uris, or leave the grant out.',
      'grant_types',
      'redirect_uris',
    )
  if (client.grantTypes.includes('client_credentials') && isPublic(client))
    refuse(
      'A public client has no credentials: leave out the grant client_credentials, or choose another token_endpoint_auth_method than "none".',
      'grant_types',
      'token_endpoint_auth_method',
    )
}

const refuseContradictions = (client: Client): void => {
  const { session_idle: idle, session_absolute: absolute } = client.policy
  if (idle !== undefined && absolute !== undefined && idle > absolute)
    refuse(
      `policy/session_idle (${idle}) must not be longer than policy/session_absolute (${absolute}).`,
      'policy/session_idle',
      'policy/session_absolute',
    )
  if (client.requiredAcr === 'phr')
    refuse(
      'Nobody could sign in: no authenticator here resists phishing yet. Set required_acr to "aal2".',
      'required_acr',
    )
  if (client.backchannelLogoutSessionRequired && client.backchannelLogoutUri === null)
    refuse(
      'backchannel_logout_session_required says what logout tokens hold: add the backchannel_logout_uri that gets them.',
      'backchannel_logout_session_required',
      'backchannel_logout_uri',
    )
}

/**
 * What holds across the members of a client.
 * @throws {AuthError} invalid_request, naming the members at fault.
 */
export const refuseUnfit = (client: Client): void => {
  refuseUnfitScopes(client)
  refuseUnfitUris(client)
  refuseUnfitKeys(client)
  refuseUnfitGrants(client)
  refuseContradictions(client)
}
