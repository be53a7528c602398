import { findAccountWithFactors } from '../accounts/details-store.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { type ProfileItem, toProfileItem } from './schemas.ts'

/** The account as it sees itself, after a change. @throws {AuthError} not_found where it has been deleted meanwhile */
export const showProfile = async (
  deps: Pick<Deps, 'postgres' | 'policy'>,
  accountId: string,
): Promise<ProfileItem> => {
  const details = await findAccountWithFactors(deps, accountId)
  if (!details) throw new AuthError('not_found', 'There is no such account.')
  return toProfileItem(details, deps.policy.current())
}
