import type { Config } from '../config.ts'
import { AuthError } from '../errors.ts'
import type { PolicyCache } from '../policy/policy-cache.ts'
import {
  minimumPasswordLength,
  namesOfAccount,
  namesOfService,
  type PasswordHolder,
  passwordProblem,
} from './check-password.ts'
import { loadCommonPasswords } from './common-passwords.ts'

/**
 * Refuses a password that `holder` may not have. `field` is the member it came in.
 * @throws {AuthError} weak_password, saying why.
 */
export const requireAcceptablePassword = async (
  deps: { config: Pick<Config, 'issuer'>; policy: PolicyCache },
  holder: PasswordHolder,
  password: string,
  field: 'password' | 'new_password',
): Promise<void> => {
  const policy = deps.policy.current()
  const problem = passwordProblem(password, {
    minimumLength: minimumPasswordLength(policy, holder),
    accountNames: namesOfAccount(holder),
    serviceNames: namesOfService(deps.config.issuer, policy),
    isCommon: await loadCommonPasswords(),
  })
  if (problem) throw new AuthError('weak_password', problem, { fields: [field] })
}
