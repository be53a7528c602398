// The `sub` of an account at a client (OpenID Connect Core 8). Pure. Every token and answer that names an account to a
// client asks here: ID tokens, access tokens, userinfo, introspection, logout tokens.
import { createHmac } from 'node:crypto'
import type { Client } from '../clients/client.ts'

type Sector = Pick<Client, 'clientId' | 'redirectUris' | 'sectorIdentifierUri'>

/**
 * The sector of a client: its clients know an account by the same `sub`. It is the host of `sector_identifier_uri`, else
 * that of the redirect URIs (which have one host then). A client without a host is a sector of its own.
 */
export const sectorOf = ({ sectorIdentifierUri, redirectUris, clientId }: Sector): string => {
  const uri = sectorIdentifierUri ?? redirectUris[0]
  return (uri !== undefined && new URL(uri).host) || clientId
}

/**
 * The account's id, or for a pairwise client what stands for it in the client's sector (OpenID Connect Core 8.1): nobody
 * without the salt finds the account by it, or tells whether two sectors mean the same one.
 */
export const subjectOf = (
  { pairwiseSalt }: { pairwiseSalt: Buffer },
  client: Sector & Pick<Client, 'subjectType'>,
  accountId: string,
): string =>
  client.subjectType === 'public'
    ? accountId
    : // No host and no client id has a space, so that no two pairs are written alike.
      createHmac('sha256', pairwiseSalt)
        .update(`${sectorOf(client)} ${accountId}`)
        .digest('base64url')
