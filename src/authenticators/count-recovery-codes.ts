import type { Deps } from '../deps.ts'
import { type RecoveryCodeCount, readRecoveryCodeCount } from './recovery-code-store.ts'

/** How many recovery codes the account has left; never the codes. */
export const countRecoveryCodes = (
  deps: Pick<Deps, 'postgres'>,
  accountId: string,
): Promise<RecoveryCodeCount> => readRecoveryCodeCount(deps, accountId)
