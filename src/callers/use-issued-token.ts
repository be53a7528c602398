// An access token, whomever it is for, and the session behind it: for routes that answer what Postern has issued. A token for Postern's own routes is checked in `authenticate-session.ts`.
import { type Client, isRegisteredAs, keptScope } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import type { UsedSession } from '../ephemeral/sessions.ts'
import { AuthError } from '../errors.ts'
import type { AccessTokenClaims } from '../tokens/verify-access-token.ts'

/** A token whose session is live, and whose client is still the one that got it. */
export type IssuedToken = {
  client: Client
  session: UsedSession
  /** What of its scope the client still has. */
  scopes: readonly string[]
}

export type OfAccount = Extract<AccessTokenClaims, { of: 'account' }>

/** What a text says, if it is an access token of this issuer; null for any other, and for one that has expired. */
export const readIssuedToken = async (
  deps: Pick<Deps, 'verifyIssuedToken'>,
  token: string,
  now: Date,
): Promise<AccessTokenClaims | null> => {
  try {
    return await deps.verifyIssuedToken(token, now)
  } catch (error) {
    if (error instanceof AuthError && error.code === 'invalid_token') return null
    throw error
  }
}

/** Null where the session, its grant or the client's registration has ended. */
export const useIssuedToken = async (
  deps: Pick<Deps, 'ephemeral' | 'clients'>,
  claims: OfAccount,
  now: Date,
): Promise<IssuedToken | null> => {
  const session = await deps.ephemeral.sessions.touch(claims, now.getTime())
  const client = session && (await deps.clients.find(claims.clientId))
  if (!session || !client || !isRegisteredAs(client, session)) return null
  return { client, session, scopes: keptScope(client, claims.scope).split(' ') }
}
