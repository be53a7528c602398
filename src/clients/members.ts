// What a client can be registered with besides its name and credentials, in the words of RFC 7591, of OpenID Connect
// Dynamic Registration and of the logout specifications, and the value of each that is not named.
import type { JSONWebKeySet } from 'jose'

/** How a client proves who it is at the token endpoint; `none` for a public one. */
export const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const
export type AuthMethod = (typeof AUTH_METHODS)[number]

/** False for a public client, and for one that authenticates by its own key. */
export const usesSecret = (method: AuthMethod): boolean => method.startsWith('client_secret_')

export const GRANT_TYPES = ['authorization_code', 'refresh_token', 'client_credentials'] as const
export type GrantType = (typeof GRANT_TYPES)[number]

/** What Postern signs with: one ring of keys for each. */
export const SIGNING_ALGORITHMS = ['ES256', 'RS256', 'EdDSA'] as const
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

/** What a client may sign its assertions with (FAPI 2.0 5.4: no RSASSA-PKCS1-v1_5; RS256 is what many have). */
export const ASSERTION_ALGORITHMS = ['ES256', 'PS256', 'EdDSA', 'RS256'] as const
export type AssertionAlgorithm = (typeof ASSERTION_ALGORITHMS)[number]

export const ACR_VALUES = ['aal1', 'aal2', 'phr'] as const

/** What the client tightens of the policy (`policy/tighten-policy.ts` has the schema and the rule). */
export type ClientPolicy = {
  required_for_all?: true
  required_roles?: string[]
  allowed_methods?: string[]
  second_factor_max_age?: number
  session_idle?: number
  session_absolute?: number
}

/** Lifetimes in seconds; null: the default of all clients. */
export type ClientMembers = {
  postLogoutRedirectUris: string[]
  /** Null: any of `ASSERTION_ALGORITHMS`. */
  tokenEndpointAuthSigningAlg: AssertionAlgorithm | null
  /** The client's public keys, by value or by address; never both. */
  jwks: JSONWebKeySet | null
  jwksUri: string | null
  idTokenSignedResponseAlg: SigningAlgorithm
  /** Null: userinfo is JSON. */
  userinfoSignedResponseAlg: SigningAlgorithm | null
  /** Of introspection answers that are asked for as a JWT (RFC 9701); null: ES256. */
  introspectionSignedResponseAlg: SigningAlgorithm | null
  subjectType: 'public' | 'pairwise'
  sectorIdentifierUri: string | null
  backchannelLogoutUri: string | null
  backchannelLogoutSessionRequired: boolean
  requirePushedAuthorizationRequests: boolean
  dpopBoundAccessTokens: boolean
  /** Seconds: the `max_age` of a request that names none. */
  defaultMaxAge: number | null
  requireAuthTime: boolean
  /** The least that each of its sign-ins reaches. */
  requiredAcr: (typeof ACR_VALUES)[number] | null
  /** For how long the refresh token before works once more, while its successor is unused; 0: not at all. */
  refreshGrace: number
  accessTokenLifetime: number | null
  idTokenLifetime: number | null
  refreshTokenLifetime: number | null
  /** What protects its authorization codes: PKCE, or `nonce` for a confidential client that has no PKCE. */
  codeProtection: 'pkce' | 'nonce'
  policy: ClientPolicy
  logoUri: string | null
  clientUri: string | null
  policyUri: string | null
  tosUri: string | null
}

export const DEFAULT_MEMBERS: ClientMembers = {
  postLogoutRedirectUris: [],
  tokenEndpointAuthSigningAlg: null,
  jwks: null,
  jwksUri: null,
  idTokenSignedResponseAlg: 'ES256',
  userinfoSignedResponseAlg: null,
  introspectionSignedResponseAlg: null,
  subjectType: 'public',
  sectorIdentifierUri: null,
  backchannelLogoutUri: null,
  backchannelLogoutSessionRequired: false,
  requirePushedAuthorizationRequests: false,
  dpopBoundAccessTokens: false,
  defaultMaxAge: null,
  requireAuthTime: false,
  requiredAcr: null,
  refreshGrace: 10,
  accessTokenLifetime: null,
  idTokenLifetime: null,
  refreshTokenLifetime: null,
  codeProtection: 'pkce',
  policy: {},
  logoUri: null,
  clientUri: null,
  policyUri: null,
  tosUri: null,
}

/** The grants of a client that is registered without any: those that it can use. */
export const defaultGrantTypes = ({
  tokenEndpointAuthMethod,
  redirectUris,
}: {
  tokenEndpointAuthMethod: AuthMethod
  redirectUris: readonly string[]
}): GrantType[] => [
  ...(redirectUris.length > 0 ? (['authorization_code'] as const) : []),
  'refresh_token',
  ...(tokenEndpointAuthMethod === 'none' ? [] : (['client_credentials'] as const)),
]
