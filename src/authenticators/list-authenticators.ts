import type { Deps } from '../deps.ts'
import type { Authenticator } from './authenticator.ts'
import { findAuthenticators } from './own-authenticator-store.ts'

/** The account's authenticators, oldest first: enrolled, disabled, and those that wait to be confirmed. */
export const listAuthenticators = (
  deps: Pick<Deps, 'postgres'>,
  accountId: string,
  now: Date,
): Promise<Authenticator[]> => findAuthenticators(deps, accountId, now)
