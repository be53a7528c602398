// How a client is registered, changed and shown. Pure.
import { type Static, Type } from 'typebox'
import { type Client, isDeclared } from '../../clients/client.ts'
import type { ClientChange } from '../../clients/store.ts'
import { Nullable, Page, Strict, Timestamp } from '../../wire/schemas.ts'
import { MEMBERS, toMembers, toWireMembers, WIRE_NAMES } from './member-schemas.ts'

/**
 * No colon: in HTTP Basic it ends the id. No UUID: a client's own tokens have its id as their `sub`, and accounts are
 * named by UUIDs.
 */
export const ClientId = Type.String({
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
  {
    client_id: ClientId,
    ...MEMBERS,
    declared: Type.Boolean({ description: 'The clients file declares it, and overwrites other changes.' }),
    created_at: Timestamp,
  },
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

export const toWantedClient = ({ client_id: clientId, ...given }: NewClient): WantedClient => ({
  ...toMembers(given),
  name: given.name,
  ...(clientId !== undefined && { clientId }),
})

const CHANGED_NAMES: Partial<Record<keyof ClientChange, string>> = {
  ...WIRE_NAMES,
  secretHash: 'client_secret',
}

/** The members that a change names, as the audit log shows them. */
export const namesOf = (change: ClientChange): string[] =>
  Object.entries(CHANGED_NAMES).flatMap(([member, name]) => (member in change ? [name] : []))

/** A client as it is shown; its secret never is. */
export const toClientItem = (client: Client): ClientItem => ({
  client_id: client.clientId,
  ...toWireMembers(client),
  declared: isDeclared(client),
  created_at: client.createdAt.toISOString(),
})

/** A client with the secret that was made for it just now; null where none was. */
export type ClientAndSecret = { client: Client; secret: string | null }

export const toClientWithSecret = ({ client, secret }: ClientAndSecret): ClientWithSecret => ({
  ...toClientItem(client),
  client_secret: secret,
})
