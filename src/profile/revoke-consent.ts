import { consentRevoked } from '../audit/account-events.ts'
import type { Origin } from '../audit/event.ts'
import { removeConsent } from '../clients/consent-store.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'

/**
 * Takes back what an account has allowed a client; it is asked again at the next sign-in.
 * @throws {AuthError} not_found, where it has allowed nothing
 */
export const revokeConsent = async (
  deps: Pick<Deps, 'postgres'>,
  origin: Origin,
  about: { accountId: string; clientId: string },
): Promise<void> => {
  if (!(await removeConsent(deps, about, consentRevoked(origin, about))))
    throw new AuthError('not_found', 'The account has allowed this client nothing.')
}
