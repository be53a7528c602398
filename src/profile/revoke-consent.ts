import { consentRevoked } from '../audit/account-events.ts'
import type { Origin } from '../audit/event.ts'
import { removeConsent } from '../clients/consent-store.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'

/**
 * Takes back what an account has allowed a client, with what the client has got by it: its grants in all sessions of the
 * account, and their tokens, end. It is asked again at the next sign-in.
 * @throws {AuthError} not_found, where it has allowed nothing
 */
export const revokeConsent = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral'>,
  origin: Origin,
  about: { accountId: string; clientId: string },
): Promise<void> => {
  await deps.postgres.transaction(async (postgres) => {
    if (!(await removeConsent({ postgres }, about, consentRevoked(origin, about))))
      throw new AuthError('not_found', 'The account has allowed this client nothing.')
    // Before the commit: where Redis is away nothing has changed, and it can be repeated.
    await deps.ephemeral.sessions.endGrantsOf(about.accountId, about.clientId, origin.now.getTime())
  })
}
