// The rules of a client's URIs: each says what is wrong, and what to write instead. Pure.
import { type Client, isPublic } from '../../clients/client.ts'
import { AuthError } from '../../errors.ts'
import { sectorOf } from '../../tokens/subject.ts'

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

const BAD_CHARACTERS = /[\s*\\<>"{}|^`]/

/** What is wrong with any URI here, or null. */
const commonFault = (uri: string): string | null => {
  if (uri.includes('*')) return 'has a wildcard; register each URI in full, they are compared exactly'
  if (BAD_CHARACTERS.test(uri)) return 'has a character that URIs do not have; percent-encode it'
  const url = URL.parse(uri)
  if (!url) return 'is not an absolute URI; write it in full, such as https://app.example/callback'
  if (uri.includes('#')) return 'has a fragment; leave out the # and all after it'
  if (url.username !== '' || url.password !== '') return 'has a user name or password; leave them out'
  return null
}

const webFault = (uri: string): string | null => {
  const fault = commonFault(uri)
  if (fault !== null) return fault
  const { protocol, hostname } = new URL(uri)
  // `https:evil` is taken for an address by URL parsers, and is compared as it stands.
  if (/^https?:/i.test(uri) && !/^https?:\/\//i.test(uri)) return 'lacks the // after its scheme'
  if (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname))) return null
  return protocol === 'http:'
    ? 'is http; use https (http is for localhost, 127.0.0.1 and [::1] alone)'
    : 'is not https'
}

/** RFC 8252 7.1: a private-use scheme is a reversed domain name, so that it has a dot. */
const isPrivateUse = (uri: string): boolean => /^[a-z][a-z0-9+-]*\.[a-z0-9.+-]+:\/?[^/]/i.test(uri)

/** A redirect URI is compared exactly (RFC 9700 4.1), and an app may have a scheme of its own (RFC 8252). */
const returnFault = (uri: string, client: Client): string | null => {
  if (URL.parse(uri) === null || /^https?:/i.test(uri)) return webFault(uri)
  const fault = commonFault(uri)
  if (fault !== null) return fault
  if (!isPrivateUse(uri))
    return 'has a scheme without a dot; use https, or for an app a reversed domain name of yours such as com.example.app:/callback'
  return isPublic(client)
    ? null
    : 'has a scheme of an app, whose secret nobody can keep; use https, or token_endpoint_auth_method "none"'
}

const originFault = (origin: string): string | null => {
  const fault = webFault(origin)
  if (fault !== null) return fault
  const url = new URL(origin)
  return url.origin === origin ? null : `is not an origin; write ${url.origin}, without a path`
}

const refuseFaults = (
  name: string,
  values: readonly string[],
  faultOf: (value: string) => string | null,
): void => {
  for (const [index, value] of values.entries()) {
    const fault = faultOf(value)
    if (fault !== null)
      throw new AuthError('invalid_request', `${name}/${index} ${fault}.`, { fields: [`${name}/${index}`] })
  }
}

/** Members with one URI, that are opened by a browser or asked by Postern. */
const SINGLE = {
  jwksUri: 'jwks_uri',
  sectorIdentifierUri: 'sector_identifier_uri',
  backchannelLogoutUri: 'backchannel_logout_uri',
  logoUri: 'logo_uri',
  clientUri: 'client_uri',
  policyUri: 'policy_uri',
  tosUri: 'tos_uri',
} as const satisfies Partial<Record<keyof Client, string>>

/** OpenID Connect Core 8.1: redirect URIs of several hosts have no sector by themselves. */
const refuseUnclearSector = (client: Client): void => {
  if (client.subjectType === 'public' || client.sectorIdentifierUri !== null) return
  const sectors = new Set(client.redirectUris.map((uri) => sectorOf({ ...client, redirectUris: [uri] })))
  if (sectors.size < 2) return
  throw new AuthError(
    'invalid_request',
    `Pairwise subjects need one sector, and the redirect URIs have several hosts (${[...sectors].slice(0, 3).join(', ')}): add a sector_identifier_uri that lists them.`,
    { fields: ['sector_identifier_uri', 'redirect_uris'] },
  )
}

/**
 * What holds for the URIs of a client.
 * @throws {AuthError} invalid_request, naming the member at fault.
 */
export const refuseUnfitUris = (client: Client): void => {
  refuseFaults('redirect_uris', client.redirectUris, (uri) => returnFault(uri, client))
  refuseFaults('post_logout_redirect_uris', client.postLogoutRedirectUris, (uri) => returnFault(uri, client))
  refuseFaults('web_origins', client.webOrigins, originFault)
  for (const [member, name] of Object.entries(SINGLE)) {
    const uri = client[member as keyof typeof SINGLE]
    const fault = uri === null ? null : webFault(uri)
    if (fault !== null) throw new AuthError('invalid_request', `${name} ${fault}.`, { fields: [name] })
  }
  refuseUnclearSector(client)
}
