import type { Config } from '../config.ts'
import type { PolicyCache } from '../policy/policy-cache.ts'
import {
  minimumPasswordLength,
  namesOfAccount,
  namesOfService,
  type PasswordFault,
  type PasswordHolder,
  passwordFault,
} from './check-password.ts'
import { loadCommonPasswords } from './common-passwords.ts'

export type FaultDeps = { config: Pick<Config, 'issuer'>; policy: PolicyCache }

/** Why `holder` may not have this password; null where it may. */
export const findPasswordFault = async (
  deps: FaultDeps,
  holder: PasswordHolder,
  password: string,
): Promise<PasswordFault | null> => {
  const policy = deps.policy.current()
  return passwordFault(password, {
    minimumLength: minimumPasswordLength(policy, holder),
    accountNames: namesOfAccount(holder),
    serviceNames: namesOfService(deps.config.issuer, policy),
    isCommon: await loadCommonPasswords(),
  })
}
