// The members of a client on the wire, in the words of RFC 7591 and of OpenID Connect registration, and how they are
// named in the domain. Pure.
import { type Static, Type } from 'typebox'
import { type Client, SCOPES } from '../../clients/client.ts'
import {
  ACR_VALUES,
  ASSERTION_ALGORITHMS,
  AUTH_METHODS,
  GRANT_TYPES,
  SIGNING_ALGORITHMS,
} from '../../clients/members.ts'
import { ClientPolicy } from '../../policy/tighten-policy.ts'
import { Nullable, PlainText, Strict } from '../../wire/schemas.ts'

const MAX_URIS = 50

const Uri = PlainText({ minLength: 1, maxLength: 2048 })

const uris = (description: string) => Type.Array(Uri, { maxItems: MAX_URIS, uniqueItems: true, description })

const uri = (description: string) => Nullable(PlainText({ minLength: 1, maxLength: 2048, description }))

const MINUTE = 60
const DAY = 86_400

const seconds = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description })

const keyPart = (description?: string) =>
  Type.Optional(PlainText({ maxLength: 2048, ...(description !== undefined && { description }) }))
const PRIVATE = 'Private: a key that has it is refused.'

/** A public key (RFC 7517). What is in it is looked at when it is registered (`refuse-unfit.ts`). */
const PublicKey = Strict({
  kty: Type.Enum(['RSA', 'EC', 'OKP']),
  kid: Type.Optional(PlainText({ maxLength: 256 })),
  use: Type.Optional(Type.Enum(['sig', 'enc'])),
  key_ops: Type.Optional(Type.Array(PlainText({ maxLength: 32 }), { maxItems: 8 })),
  alg: Type.Optional(PlainText({ maxLength: 32 })),
  ext: Type.Optional(Type.Boolean()),
  crv: keyPart(),
  x: keyPart(),
  y: keyPart(),
  n: keyPart(),
  e: keyPart(),
  x5c: Type.Optional(Type.Array(PlainText({ maxLength: 8192 }), { maxItems: 5 })),
  x5t: keyPart(),
  'x5t#S256': keyPart(),
  d: keyPart(PRIVATE),
  p: keyPart(PRIVATE),
  q: keyPart(PRIVATE),
  dp: keyPart(PRIVATE),
  dq: keyPart(PRIVATE),
  qi: keyPart(PRIVATE),
})

export const MEMBERS = {
  name: PlainText({ minLength: 1, maxLength: 100 }),
  first_party: Type.Boolean({
    description: 'Trusted with passwords: it may use `POST /v1/login`. Its users are not asked for consent.',
  }),
  disabled: Type.Boolean({ description: 'True: it is refused everywhere, like a client that is not there.' }),
  scopes: Type.Array(Type.Enum(SCOPES), {
    maxItems: SCOPES.length,
    uniqueItems: true,
    description: 'What it may ask for.',
  }),
  audience: Type.Array(Type.String({ maxLength: 512, pattern: '^[\\x21-\\x7E]+$' }), {
    maxItems: MAX_URIS,
    uniqueItems: true,
    description:
      'Resources that its access tokens are for: each token for one of them, the first by default.',
  }),
  grant_types: Type.Array(Type.Enum(GRANT_TYPES), {
    maxItems: GRANT_TYPES.length,
    uniqueItems: true,
    description:
      'What it may ask for tokens with. By default `refresh_token`; with a redirect URI `authorization_code`; if it ' +
      'is confidential `client_credentials`. Response type `code` goes with `authorization_code`.',
  }),
  redirect_uris: uris(
    'Where people return to: https, http on loopback, or for a public client a scheme of its own with a dot.',
  ),
  post_logout_redirect_uris: uris('Where people may go after signing out; as `redirect_uris`.'),
  web_origins: uris('Origins from which its scripts may call (CORS), such as `https://app.example`.'),
  token_endpoint_auth_method: Type.Enum(AUTH_METHODS, { description: '`none`: a public client.' }),
  token_endpoint_auth_signing_alg: Nullable(
    Type.Enum(ASSERTION_ALGORITHMS, { description: 'Of its assertions; null for any of these.' }),
  ),
  jwks: Nullable(
    Type.Object(
      { keys: Type.Array(PublicKey, { minItems: 1, maxItems: 10 }) },
      { additionalProperties: false, description: 'Its public keys; this or `jwks_uri`.' },
    ),
  ),
  jwks_uri: uri('Where its public keys are; https.'),
  id_token_signed_response_alg: Type.Enum(SIGNING_ALGORITHMS, { description: 'Signs its ID tokens.' }),
  userinfo_signed_response_alg: Nullable(
    Type.Enum(SIGNING_ALGORITHMS, { description: 'Makes userinfo a signed JWT; null: JSON.' }),
  ),
  introspection_signed_response_alg: Nullable(
    Type.Enum(SIGNING_ALGORITHMS, { description: 'Of introspection as a JWT (RFC 9701); null: ES256.' }),
  ),
  subject_type: Type.Enum(['public', 'pairwise'], {
    description: '`pairwise`: its users have another `sub` than at clients of other sectors.',
  }),
  sector_identifier_uri: uri('Lists the redirect URIs of a sector (OpenID Connect Core 8.1); https.'),
  backchannel_logout_uri: uri('Gets a logout token when a session ends; https, or http on loopback.'),
  backchannel_logout_session_required: Type.Boolean({ description: 'Its logout tokens need a `sid`.' }),
  require_pushed_authorization_requests: Type.Boolean({ description: 'It must use RFC 9126.' }),
  dpop_bound_access_tokens: Type.Boolean({ description: 'It must use DPoP (RFC 9449).' }),
  default_max_age: Nullable(
    seconds(0, 90 * DAY, 'The `max_age` of its requests that name none, in seconds.'),
  ),
  require_auth_time: Type.Boolean({ description: 'Its ID tokens need `auth_time`; they always have it.' }),
  required_acr: Nullable(Type.Enum(ACR_VALUES, { description: 'The least that its sign-ins reach.' })),
  refresh_grace: seconds(
    0,
    MINUTE,
    'For how many seconds the refresh token before works once more, while its successor is unused.',
  ),
  access_token_lifetime: Nullable(seconds(MINUTE, 60 * MINUTE, 'In seconds; null: 600.')),
  id_token_lifetime: Nullable(seconds(MINUTE, 60 * MINUTE, 'In seconds; null: 600.')),
  refresh_token_lifetime: Nullable(
    seconds(
      5 * MINUTE,
      90 * DAY,
      'For how many seconds after the sign-in its refresh tokens are good; null: as long as the session.',
    ),
  ),
  code_protection: Type.Enum(['pkce', 'nonce'], {
    description:
      '`nonce`: for a confidential client that has no PKCE. It compares the nonce of its ID tokens, which only it can do.',
  }),
  policy: ClientPolicy,
  logo_uri: uri('Its logo, for the consent page; https.'),
  client_uri: uri('Its home page.'),
  policy_uri: uri('What it does with data.'),
  tos_uri: uri('Its terms of service.'),
}

/** Members that are registered, changed and shown, as the domain calls them. */
export type RegisteredMembers = Omit<Client, 'clientId' | 'secretHash' | 'declared' | 'createdAt'>

export const WIRE_NAMES = {
  name: 'name',
  firstParty: 'first_party',
  disabled: 'disabled',
  scopes: 'scopes',
  audience: 'audience',
  grantTypes: 'grant_types',
  redirectUris: 'redirect_uris',
  postLogoutRedirectUris: 'post_logout_redirect_uris',
  webOrigins: 'web_origins',
  tokenEndpointAuthMethod: 'token_endpoint_auth_method',
  tokenEndpointAuthSigningAlg: 'token_endpoint_auth_signing_alg',
  jwks: 'jwks',
  jwksUri: 'jwks_uri',
  idTokenSignedResponseAlg: 'id_token_signed_response_alg',
  userinfoSignedResponseAlg: 'userinfo_signed_response_alg',
  introspectionSignedResponseAlg: 'introspection_signed_response_alg',
  subjectType: 'subject_type',
  sectorIdentifierUri: 'sector_identifier_uri',
  backchannelLogoutUri: 'backchannel_logout_uri',
  backchannelLogoutSessionRequired: 'backchannel_logout_session_required',
  requirePushedAuthorizationRequests: 'require_pushed_authorization_requests',
  dpopBoundAccessTokens: 'dpop_bound_access_tokens',
  defaultMaxAge: 'default_max_age',
  requireAuthTime: 'require_auth_time',
  requiredAcr: 'required_acr',
  refreshGrace: 'refresh_grace',
  accessTokenLifetime: 'access_token_lifetime',
  idTokenLifetime: 'id_token_lifetime',
  refreshTokenLifetime: 'refresh_token_lifetime',
  codeProtection: 'code_protection',
  policy: 'policy',
  logoUri: 'logo_uri',
  clientUri: 'client_uri',
  policyUri: 'policy_uri',
  tosUri: 'tos_uri',
} as const satisfies Record<keyof RegisteredMembers, keyof typeof MEMBERS>

type WireNames = typeof WIRE_NAMES
type OnWire = { [Name in keyof typeof MEMBERS]: Static<(typeof MEMBERS)[Name]> }
/** The members on the wire by the domain's names: that both have the same types is what makes renaming enough. */
type InDomain = { [Member in keyof WireNames]: OnWire[WireNames[Member]] }

/** The members that `given` has, by the domain's names. */
export const toMembers = (given: Partial<OnWire>): Partial<RegisteredMembers> => {
  const members: Partial<InDomain> = Object.fromEntries(
    Object.entries(WIRE_NAMES).flatMap(([member, name]) =>
      given[name] === undefined ? [] : [[member, given[name]]],
    ),
  )
  return members
}

/** All members of a client, by the names of the wire. */
export const toWireMembers = (client: RegisteredMembers): OnWire =>
  Object.fromEntries(
    Object.entries(WIRE_NAMES).map(([member, name]) => [name, client[member as keyof WireNames]]),
  ) as OnWire
