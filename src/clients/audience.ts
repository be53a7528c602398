// Whom a token is for. Pure. A token is for one party (docs/security.md 42), so that whoever receives one cannot
// use it anywhere else: one resource of its client's, Postern's own API, or the client itself.
import { AuthError } from '../errors.ts'
import { type Client, isOwnScope } from './client.ts'

type Party = Pick<Client, 'clientId' | 'firstParty' | 'audience'>

/** Whom a user's token is for where nobody asked: the client's first resource; Postern, for a first-party client. */
export const audienceOf = (issuer: string, { audience, firstParty, clientId }: Party): string =>
  audience[0] ?? (firstParty ? issuer : clientId)

/** The same of a token for the client itself. Every scope of such a token is one of Postern's own. */
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

/** What of `scope` a token for `audience` says: what Postern's own routes ask for is nobody else's business. */
export const scopeFor = (issuer: string, audience: string, scope: string): string =>
  audience === issuer
    ? scope
    : scope
        .split(' ')
        .filter((one) => !isOwnScope(one))
        .join(' ')
