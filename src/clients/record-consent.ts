import { consentGranted } from '../audit/account-events.ts'
import type { Origin } from '../audit/event.ts'
import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'
import { type Client, registrationOf } from './client.ts'
import type { ConsentGiven } from './consent.ts'
import { addConsent } from './consent-store.ts'

/**
 * Remembers that an account allows a client these scopes and claims, besides those that it has allowed before.
 * @throws {AuthError} conflict, where the account or the client was deleted while its page was shown
 */
export const recordConsent = async (
  deps: { postgres: Sql },
  origin: Origin,
  { accountId, client, scopes, claims }: ConsentGiven & { accountId: string; client: Client },
): Promise<void> => {
  const { clientId } = client
  const given = { scopes: [...new Set(scopes)].toSorted(), claims: [...new Set(claims)].toSorted() }
  const consent = { accountId, client: registrationOf(client), given, now: origin.now }
  const added = await addConsent(deps, consent, consentGranted(origin, { accountId, clientId, ...given }))
  if (!added) throw new AuthError('conflict', 'The application or the account has changed; begin again.')
}
