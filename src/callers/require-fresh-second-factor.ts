// docs/security.md 18: changing factors, the password or an address needs a second factor that has passed a short while
// ago. Decision: an account without a second factor needs a sign-in that is just as fresh, so that it can enroll if it
// wants to. Its change is then conditional on its still having none.
import type { Account } from '../accounts/account.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import type { SessionRecord } from '../ephemeral/sessions.ts'
import { AuthError } from '../errors.ts'
import { isWithin } from '../policy/age.ts'
import { FRESH_SECOND_FACTOR_SECONDS } from '../policy/policy.ts'
import { refuseSession } from './refuse-session.ts'

/** What has been proven freshly. `first_factor`: for an account that has no second one. */
export type FreshProof = 'second_factor' | 'first_factor'

/** @throws {AuthError} insufficient_user_authentication (RFC 9470), recorded */
export const requireFreshSecondFactor = async (
  deps: Pick<Deps, 'postgres'>,
  caller: { origin: Origin; session: SessionRecord; account: Account },
): Promise<FreshProof> => {
  const { origin, session, account } = caller
  const enrolled = account.enrolledAuthenticators > 0
  const provenAt = enrolled ? session.secondFactorAt : session.authTime
  const fresh = provenAt !== null && isWithin(FRESH_SECOND_FACTOR_SECONDS, provenAt, origin.now)
  if (fresh) return enrolled ? 'second_factor' : 'first_factor'

  const error = new AuthError(
    'insufficient_user_authentication',
    enrolled ? undefined : 'The sign-in is too long ago; sign in again.',
    { acr_values: enrolled ? 'aal2' : 'aal1', max_age: FRESH_SECOND_FACTOR_SECONDS },
  )
  return refuseSession(deps, caller, enrolled ? 'second_factor_not_fresh' : 'sign_in_not_fresh', error)
}
