// Whose authenticators these are: a session's account, or one that signs in by enrolling. An enrollment token
// opens the routes that ask here and no other; and none once the account has an authenticator (docs/security.md 19).
import type { Account } from '../accounts/account.ts'
import { findAccount } from '../accounts/store.ts'
import type { Deps } from '../deps.ts'
import { TOKEN_PREFIXES } from '../encryption/opaque-token.ts'
import type { EnrollmentRecord, ListedSession } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'
import { authenticateAccount } from './authenticate-account.ts'
import { bearerToken } from './authenticate-session.ts'

export type Enrollee =
  | { by: 'session'; account: Account; session: ListedSession }
  | { by: 'enrollment'; account: Account; token: string; record: EnrollmentRecord }

/** @throws {AuthError} invalid_token, invalid_enrollment */
export const authenticateEnrollee = async (
  deps: Pick<Deps, 'verifyAccessToken' | 'ephemeral' | 'postgres'>,
  authorization: string | undefined,
  now: Date,
): Promise<Enrollee> => {
  const token = bearerToken(authorization)
  if (!token.startsWith(TOKEN_PREFIXES.enrollment)) {
    return { by: 'session', ...(await authenticateAccount(deps, authorization, now)) }
  }
  const record = await deps.ephemeral.enrollments.find(token, now.getTime())
  const account = record && (await findAccount(deps, record.accountId))
  if (!record || !account || account.status === 'disabled' || account.enrolledAuthenticators > 0) {
    throw new AuthError('invalid_enrollment')
  }
  return { by: 'enrollment', account, token, record }
}
