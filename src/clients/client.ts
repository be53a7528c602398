// An OAuth client: an application, a service or a gateway. Pure: what it is, what it may ask for, and whom its
// tokens are for.
import { AuthError } from '../errors.ts'
import type { AuthMethod, ClientMembers, GrantType } from './members.ts'

/** Scopes of OpenID Connect that a client is registered with where it names none. */
const COMMON_SCOPES = ['openid', 'profile', 'email', 'offline_access'] as const

/** Scopes of OpenID Connect, which any client may have; `roles` puts the roles into what is said of the account. */
const IDENTITY_SCOPES = [...COMMON_SCOPES, 'phone', 'address', 'roles'] as const

/** What an account's token may do at Postern: `/v1/me`, and `/v1/admin`. */
const ACCOUNT_SCOPES = ['postern:me', 'postern:admin'] as const
export type AccountScope = (typeof ACCOUNT_SCOPES)[number]

/** Scopes of a person's tokens. */
export const USER_SCOPES = [...IDENTITY_SCOPES, ...ACCOUNT_SCOPES] as const

/**
 * Scopes of a client's own tokens (`client_credentials`): to open challenges for its own subjects, and for
 * accounts of Postern's own.
 */
export const MACHINE_SCOPES = ['challenges', 'challenges:accounts'] as const
export type MachineScope = (typeof MACHINE_SCOPES)[number]

export const SCOPES = [...USER_SCOPES, ...MACHINE_SCOPES] as const

/** The client of a sign-in that names no other. It cannot be deleted, and stays public and first-party. */
export const BUILT_IN_CLIENT = 'postern'

export type Client = ClientMembers & {
  clientId: string
  name: string
  /** Its own sign-in form is trusted with passwords: it may use `POST /v1/login`. It is asked for no consent. */
  firstParty: boolean
  tokenEndpointAuthMethod: AuthMethod
  /** SHA-256 of the secret; null for a public client, and for one that authenticates by its own key. */
  secretHash: string | null
  grantTypes: GrantType[]
  scopes: string[]
  /** Resources that its access tokens are for: each token for one of them. */
  audience: string[]
  redirectUris: string[]
  /** From where its scripts may call (CORS): exact origins. */
  webOrigins: string[]
  /**
   * By the clients file: a hash of what it says there, or `REMOVED_FROM_FILE`. Null for a client of administrators.
   */
  declared: string | null
  /** Treated everywhere like a client that is not there; administrators see it. */
  disabled: boolean
  createdAt: Date
}

/** `declared` of a client that the clients file had once. */
export const REMOVED_FROM_FILE = 'removed'

/** True for a client that the clients file declares. */
export const isDeclared = ({ declared }: Pick<Client, 'declared'>): boolean =>
  declared !== null && declared !== REMOVED_FROM_FILE

/** True for a client that cannot prove who it is. */
export const isPublic = ({ tokenEndpointAuthMethod }: Pick<Client, 'tokenEndpointAuthMethod'>): boolean =>
  tokenEndpointAuthMethod === 'none'

/**
 * Refuses a grant that the client is not registered for (RFC 6749 5.2).
 * @throws {AuthError} unauthorized_client
 */
export const requireGrantType = ({ grantTypes }: Client, grantType: GrantType): void => {
  if (grantTypes.includes(grantType)) return
  throw new AuthError(
    'unauthorized_client',
    `This client is not registered for the grant ${grantType}. Add it to its grant_types.`,
  )
}

/**
 * A client whose access tokens are always bound to a key (RFC 9449 5.2) gets them at the token endpoint, where it proves
 * the key: a sign-in over JSON has no proof, and would give it others.
 * @throws {AuthError} unauthorized_client
 */
export const refuseUnboundTokens = ({
  dpopBoundAccessTokens,
}: Pick<Client, 'dpopBoundAccessTokens'>): void => {
  if (!dpopBoundAccessTokens) return
  throw new AuthError(
    'unauthorized_client',
    'This client is registered for DPoP: its users sign in by redirect, and it gets tokens at the token endpoint.',
  )
}

/** The scopes of a client that is registered without any. */
export const defaultScopes = ({ firstParty }: Pick<Client, 'firstParty'>): string[] =>
  firstParty ? [...COMMON_SCOPES, ...ACCOUNT_SCOPES] : [...COMMON_SCOPES]

/** True for a scope that Postern's own routes ask for. */
const isOwnScope = (scope: string): boolean =>
  [...ACCOUNT_SCOPES, ...MACHINE_SCOPES].some((own) => own === scope)

const SPACES = / +/

/** What the client may have of `kind`. */
const availableScopes = (client: Client, kind: readonly string[]): string[] => {
  const available = client.scopes.filter((scope) => kind.includes(scope))
  // A user who signs in through a client without scopes is still identified.
  return kind === USER_SCOPES && available.length === 0 ? ['openid'] : available
}

/** The scopes of a person's session that its client still has: it may have lost some since they were granted. */
export const keptScope = (client: Client, granted: string): string => {
  const available = availableScopes(client, USER_SCOPES)
  return granted
    .split(SPACES)
    .filter((scope) => available.includes(scope))
    .join(' ')
}

/** The client that something was opened for: its id, and when it was registered (epoch milliseconds). */
export type Registration = { clientId: string; clientRegisteredAt: number }

export const registrationOf = ({ clientId, createdAt }: Client): Registration => ({
  clientId,
  clientRegisteredAt: createdAt.getTime(),
})

/** False for a client that was deleted and made anew under the same id: it has nothing of the old one. */
export const isRegisteredAs = (client: Client, { clientId, clientRegisteredAt }: Registration): boolean =>
  client.clientId === clientId && client.createdAt.getTime() === clientRegisteredAt

/**
 * The scope that is granted: the one asked for, or all scopes of `kind` that the client may have.
 * @throws {AuthError} invalid_scope, for a scope that the client does not have or that is of the other kind.
 */
export const grantScope = (
  client: Client,
  requested: string | undefined,
  kind: readonly string[],
): string => {
  const available = availableScopes(client, kind)
  if (requested === undefined) return available.join(' ')
  const asked = requested.split(SPACES)
  const unknown = asked.filter((scope) => !available.includes(scope))
  if (unknown.length > 0)
    throw new AuthError('invalid_scope', `This client may not have: ${unknown.join(' ')}.`)
  return [...new Set(asked)].join(' ')
}

type Party = Pick<Client, 'clientId' | 'firstParty' | 'audience'>

/** Whom a user's token is for by default: the client's first resource; else Postern, for a first-party client. */
export const audienceOf = (issuer: string, { audience, firstParty, clientId }: Party): string =>
  audience[0] ?? (firstParty ? issuer : clientId)

/** The same for a token of the client itself. Every scope of such a token is one of Postern's own. */
export const ownAudienceOf = (issuer: string, client: Party, scope: string): string =>
  client.audience.length === 0 && scope !== '' ? issuer : audienceOf(issuer, client)

/**
 * The resource that a token request names (RFC 8707 2): Postern's issuer, or one that the client is registered for.
 * @throws {AuthError} invalid_target, for any other.
 */
export const requireResource = (issuer: string, { audience }: Party, resource: string): string => {
  if (resource === issuer || audience.includes(resource)) return resource
  throw new AuthError('invalid_target', 'This client gets no tokens for that resource.', {
    fields: ['resource'],
  })
}

/**
 * Whom the next access token of a grant is for, of the resources that were granted (RFC 8707 2.2); null: the client's
 * default. `granted` null: none was asked for, so that any of the client's is right.
 * @throws {AuthError} invalid_target
 */
export const grantedAudience = (granted: readonly string[] | null, asked: string | null): string | null => {
  if (granted === null) return asked
  if (asked === null) return granted[0] ?? null
  if (granted.includes(asked)) return asked
  throw new AuthError('invalid_target', 'This resource was not granted.', { fields: ['resource'] })
}

/** The part of `scope` for a token for `audience`: only tokens for Postern name the scopes of Postern's own routes. */
export const scopeFor = (issuer: string, audience: string, scope: string): string =>
  audience === issuer
    ? scope
    : scope
        .split(' ')
        .filter((one) => !isOwnScope(one))
        .join(' ')
