// How a client is registered and shown: schemas, and the rules that hold across members. Pure.
import { type Static, Type } from 'typebox'
import { AUTH_METHODS, type Client, MACHINE_SCOPES, SCOPES } from '../../clients/client.ts'
import type { ClientChange } from '../../clients/store.ts'
import { AuthError } from '../../errors.ts'
import { Nullable, Page, PlainText, Strict, Timestamp } from '../../wire/schemas.ts'

const MAX_URIS = 50

const MEMBERS = {
  name: PlainText({ minLength: 1, maxLength: 100 }),
  first_party: Type.Boolean({ description: 'Trusted with passwords: it may use `POST /v1/login`.' }),
  scopes: Type.Array(Type.Enum(SCOPES), {
    maxItems: SCOPES.length,
    uniqueItems: true,
    description: 'What it may ask for.',
  }),
  redirect_uris: Type.Array(PlainText({ minLength: 1, maxLength: 2048 }), {
    maxItems: MAX_URIS,
    uniqueItems: true,
    description: 'https, or http on loopback; without a fragment.',
  }),
  token_endpoint_auth_method: Type.Enum(AUTH_METHODS, { description: '`none`: a public client.' }),
  audience: Type.Array(Type.String({ maxLength: 512, pattern: '^[\\x21-\\x7E]+$' }), {
    maxItems: MAX_URIS,
    uniqueItems: true,
    description:
      'Resources that its access tokens are for: each token for one of them, the first by default.',
  }),
}

/**
 * No colon: in HTTP Basic it ends the id. No UUID: a client's own tokens have its id as their `sub`, and accounts are
 * named by UUIDs.
 */
const ClientId = Type.String({
  maxLength: 64,
  pattern: '^(?![0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$)[A-Za-z0-9][A-Za-z0-9._-]{2,63}$',
  description: 'Letters, digits, dots, underscores and hyphens; not a UUID, which is how accounts are named.',
  examples: ['web-shop-4f2a9c1b'],
})

export const NewClient = Strict(
  {
    ...Type.Partial(Type.Object(MEMBERS)).properties,
    name: MEMBERS.name,
    client_id: Type.Optional(ClientId),
  },
  { title: 'NewClient', examples: [{ name: 'Web shop', scopes: ['openid', 'profile', 'challenges'] }] },
)
export type NewClient = Static<typeof NewClient>

export const ClientPatch = Strict(Type.Partial(Type.Object(MEMBERS)).properties, {
  title: 'ClientPatch',
  examples: [{ redirect_uris: ['https://shop.example/signed-in'] }],
})
export type ClientPatch = Static<typeof ClientPatch>

export const ClientItem = Type.Object(
  { client_id: ClientId, ...MEMBERS, scopes: Type.Array(Type.String()), created_at: Timestamp },
  { title: 'Client' },
)
export type ClientItem = Static<typeof ClientItem>
export const ClientPage = Page(ClientItem)

export const ClientWithSecret = Type.Object(
  {
    ...ClientItem.properties,
    client_secret: Nullable(
      Type.String({
        description: 'Shown this once; null where none was made.',
        examples: ['pst_cs_…'],
      }),
    ),
  },
  { title: 'ClientWithSecret' },
)
export type ClientWithSecret = Static<typeof ClientWithSecret>

/** What a client is registered with; `createClient` has the defaults. */
export type WantedClient = ClientChange & { name: string; clientId?: string }

/** The members that are given, in the names of the domain; what is left out stays out. */
export const toClientChange = (given: ClientPatch): ClientChange => ({
  ...(given.name !== undefined && { name: given.name }),
  ...(given.first_party !== undefined && { firstParty: given.first_party }),
  ...(given.token_endpoint_auth_method !== undefined && {
    tokenEndpointAuthMethod: given.token_endpoint_auth_method,
  }),
  ...(given.scopes !== undefined && { scopes: given.scopes }),
  ...(given.audience !== undefined && { audience: given.audience }),
  ...(given.redirect_uris !== undefined && { redirectUris: given.redirect_uris }),
})

export const toWantedClient = ({ client_id: clientId, ...given }: NewClient): WantedClient => ({
  ...toClientChange(given),
  name: given.name,
  ...(clientId !== undefined && { clientId }),
})

const WIRE_NAMES: Record<keyof ClientChange, string> = {
  name: 'name',
  firstParty: 'first_party',
  tokenEndpointAuthMethod: 'token_endpoint_auth_method',
  secretHash: 'client_secret',
  scopes: 'scopes',
  audience: 'audience',
  redirectUris: 'redirect_uris',
}

/** The members that a change names, as the audit log shows them. */
export const namesOf = (change: ClientChange): string[] =>
  Object.entries(WIRE_NAMES).flatMap(([member, name]) => (member in change ? [name] : []))

/** A client as it is shown; its secret never is. */
export const toClientItem = (client: Client): ClientItem => ({
  client_id: client.clientId,
  name: client.name,
  first_party: client.firstParty,
  scopes: client.scopes,
  redirect_uris: client.redirectUris,
  token_endpoint_auth_method: client.tokenEndpointAuthMethod,
  audience: client.audience,
  created_at: client.createdAt.toISOString(),
})

/** A client with the secret that was made for it just now; null where none was. */
export type ClientAndSecret = { client: Client; secret: string | null }

export const toClientWithSecret = ({ client, secret }: ClientAndSecret): ClientWithSecret => ({
  ...toClientItem(client),
  client_secret: secret,
})

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
export const refuseUnfit = (
  client: Pick<Client, 'tokenEndpointAuthMethod' | 'firstParty' | 'scopes' | 'redirectUris'>,
): void => {
  const isPublic = client.tokenEndpointAuthMethod === 'none'
  // A client that opens challenges vouches for the first factor, and a public client cannot prove who it is.
  const vouching = MACHINE_SCOPES.find((scope) => client.scopes.includes(scope))
  if (isPublic && vouching !== undefined) {
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
