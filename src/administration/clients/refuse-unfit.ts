// The rules that hold across the members of a client. Pure.
import { type Client, isPublic, MACHINE_SCOPES } from '../../clients/client.ts'
import { AuthError } from '../../errors.ts'

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** RFC 9700 4.1: exact matching needs absolute URIs; RFC 6749 3.1.2 allows no fragment. */
const isRedirectUri = (value: string): boolean => {
  if (!/^https?:\/\/[^#]+$/.test(value) || !URL.canParse(value)) return false
  const { protocol, hostname, username, password } = new URL(value)
  const schemeFits = protocol === 'https:' || LOOPBACK.test(hostname)
  return schemeFits && username === '' && password === ''
}

/**
 * What holds across the members of a client.
 * @throws {AuthError} invalid_request, naming the members at fault.
 */
export const refuseUnfit = (client: Client): void => {
  // A client that opens challenges vouches for the first factor, and a public client cannot prove who it is.
  const vouching = MACHINE_SCOPES.find((scope) => client.scopes.includes(scope))
  if (isPublic(client) && vouching !== undefined) {
    throw new AuthError('invalid_request', `A public client cannot have the scope ${vouching}.`, {
      fields: ['scopes', 'token_endpoint_auth_method'],
    })
  }
  if (!client.firstParty && client.scopes.includes('postern:admin')) {
    throw new AuthError('invalid_request', 'Only a first-party client can have the scope postern:admin.', {
      fields: ['scopes', 'first_party'],
    })
  }
  const unfit = client.redirectUris.flatMap((uri, index) => (isRedirectUri(uri) ? [] : [index]))
  if (unfit.length > 0) {
    throw new AuthError(
      'invalid_request',
      'A redirect URI is https, or http on loopback, without a fragment.',
      {
        fields: unfit.map((index) => `redirect_uris/${index}`),
      },
    )
  }
}
