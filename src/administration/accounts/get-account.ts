import { findListedAccount } from '../../accounts/details-store.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { type AccountItem, toAccountItem } from './schemas.ts'

/** One account, with its second-factor status. @throws {AuthError} not_found */
export const getAccount = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'policy' | 'clock'>,
  accountId: string,
): Promise<AccountItem> => {
  const details = await findListedAccount(deps, accountId)
  if (!details) throw new AuthError('not_found', 'There is no such account.')
  const { lockedUntilMs } = await deps.ephemeral.budgets.read(accountId, deps.clock().getTime())
  return toAccountItem(details, deps.policy.current(), lockedUntilMs)
}
