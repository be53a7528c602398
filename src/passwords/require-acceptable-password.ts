import { AuthError } from '../errors.ts'
import type { PasswordHolder } from './check-password.ts'
import { type FaultDeps, findPasswordFault } from './find-password-fault.ts'

/**
 * Refuses a password that `holder` may not have. `field` is the member it came in.
 * @throws {AuthError} weak_password, saying why.
 */
export const requireAcceptablePassword = async (
  deps: FaultDeps,
  holder: PasswordHolder,
  password: string,
  field: 'password' | 'new_password',
): Promise<void> => {
  const fault = await findPasswordFault(deps, holder, password)
  if (fault) throw new AuthError('weak_password', fault.text, { fields: [field] })
}
