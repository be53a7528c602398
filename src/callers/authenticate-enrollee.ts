// Whose authenticators a request is about: a session's account, or an account that signs in by enrolling. An enrollment
// token is accepted here only, and only until the account has an authenticator (docs/security.md 19).
import type { Account } from '../accounts/account.ts'
import { requireUnlocked } from '../accounts/refuse-locked.ts'
import { findAccount } from '../accounts/store.ts'
import { accessRefused } from '../audit/authentication-events.ts'
import type { AuditEvent, Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { TOKEN_PREFIXES } from '../encryption/opaque-token.ts'
import type { EnrollmentRecord } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'
import { type Presented, requireToken } from './access-token.ts'
import { authenticateAccountAnew, type Caller, type FreshCaller } from './authenticate-account.ts'
import { sessionRefused } from './refuse-session.ts'
import { requireFreshSecondFactor } from './require-fresh-second-factor.ts'
import { requireOwnSignIn } from './require-own-sign-in.ts'

/** An account that signs in by enrolling. */
export type ByEnrollment = {
  by: 'enrollment'
  account: Account
  origin: Origin
  token: string
  record: EnrollmentRecord
}

type Enrollee = ByEnrollment | ({ by: 'session' } & Caller)

/** A caller who may add an authenticator. */
export type FreshEnrollee = ByEnrollment | ({ by: 'session' } & FreshCaller)

type EnrolleeDeps = Pick<Deps, 'verifyAccessToken' | 'ephemeral' | 'postgres' | 'clients' | 'accounts'>

/** @throws {AuthError} invalid_token, invalid_enrollment */
export const authenticateEnrollee = async (
  deps: EnrolleeDeps,
  request: Origin,
  presented: Presented,
): Promise<Enrollee> => {
  const { token } = requireToken(presented.authorization)
  if (!token.startsWith(TOKEN_PREFIXES.enrollment)) {
    return { by: 'session', ...(await authenticateAccountAnew(deps, request, presented)) }
  }
  return byEnrollment(deps, request, token)
}

const byEnrollment = async (
  deps: Pick<EnrolleeDeps, 'ephemeral' | 'postgres'>,
  request: Origin,
  token: string,
): Promise<ByEnrollment> => {
  const record = await deps.ephemeral.enrollments.find(token, request.now.getTime())
  const account = record && (await findAccount(deps, record.accountId))
  if (!record || !account || account.status === 'disabled' || account.enrolledAuthenticators > 0) {
    throw new AuthError('invalid_enrollment')
  }
  const origin: Origin = { ...request, actor: { type: 'account', id: account.id } }
  return { by: 'enrollment', account, origin, token, record }
}

/**
 * An account that signs in by enrolling, on Postern's own pages.
 * @throws {AuthError} invalid_enrollment, account_locked
 */
export const authenticateFreshEnrollment = async (
  deps: Pick<EnrolleeDeps, 'ephemeral' | 'postgres'>,
  request: Origin,
  token: string,
): Promise<ByEnrollment> => {
  const enrollee = await byEnrollment(deps, request, token)
  await requireUnlocked(deps, lockedEvent(enrollee), { accountId: enrollee.account.id, now: request.now })
  return enrollee
}

/** @throws {AuthError} as `authenticateEnrollee`; access_denied, account_locked, insufficient_user_authentication */
export const authenticateFreshEnrollee = async (
  deps: EnrolleeDeps,
  request: Origin,
  presented: Presented,
): Promise<FreshEnrollee> => {
  const enrollee = await authenticateEnrollee(deps, request, presented)
  if (enrollee.by === 'session') await requireOwnSignIn(deps, enrollee)
  await requireUnlocked(deps, lockedEvent(enrollee), { accountId: enrollee.account.id, now: request.now })
  if (enrollee.by === 'enrollment') return enrollee
  return { ...enrollee, proof: await requireFreshSecondFactor(deps, enrollee) }
}

const lockedEvent = (enrollee: Enrollee): AuditEvent => {
  if (enrollee.by === 'session') return sessionRefused(enrollee, 'account_locked')
  const { accountId, clientId } = enrollee.record
  return accessRefused(enrollee.origin, { accountId, clientId, sessionId: null, reason: 'account_locked' })
}
