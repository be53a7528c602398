// What makes a pending authenticator an enrolled one in PostgreSQL: counted, activated, its time step burned,
// and recovery codes made with the first. Runs within the caller's transaction; a refusal rolls it all back.
import type { Account } from '../../accounts/account.ts'
import type { ChangingSql } from '../../accounts/change-under-version.ts'
import { recordSignIn } from '../../accounts/store.ts'
import { authenticatorConfirmed, recoveryCodesGenerated } from '../../audit/account-events.ts'
import { enrollmentPassed } from '../../audit/authentication-events.ts'
import type { Origin } from '../../audit/event.ts'
import type { Authenticator } from '../../authenticators/authenticator.ts'
import { raiseEnrolled } from '../../authenticators/enrolled-count-store.ts'
import { activateAuthenticator } from '../../authenticators/enrollment-store.ts'
import { nothingToConfirm } from '../../authenticators/match-answer.ts'
import { newRecoveryCodes } from '../../authenticators/recovery-codes/recovery-code.ts'
import { replaceRecoveryCodes } from '../../authenticators/recovery-codes/store.ts'
import type { Deps } from '../../deps.ts'
import type { SessionRecord } from '../../ephemeral/sessions.ts'
import { AuthError } from '../../errors.ts'

/** `recoveryCodes` with the first authenticator, else null. */
export type EnrolledAuthenticator = { authenticator: Authenticator; recoveryCodes: string[] | null }

/** A pending authenticator whose code has matched; it may be added if there are fewer than `below`. */
export type MatchedEnrollment = {
  account: Account
  sessionId: string | null
  authenticatorId: string
  timeStep: number
  below: number
}

/**
 * Enrolls what has matched. `opening` is the session that this opens; null where it opens none.
 * @throws {AuthError} not_found, conflict, invalid_enrollment
 */
export const enrollAuthenticator = async (
  deps: Pick<Deps, 'policy' | 'randomBytes'> & { postgres: ChangingSql },
  origin: Origin,
  matched: MatchedEnrollment,
  opening: SessionRecord | null,
): Promise<EnrolledAuthenticator> => {
  const { now } = origin
  const { account, authenticatorId, timeStep, below } = matched
  const accountId = account.id
  const sessionId = opening?.sid ?? matched.sessionId
  const about = { accountId, sessionId, authenticatorId, type: 'totp' }
  const step = { accountId, authenticatorId, timeStep, now }
  const confirmed = authenticatorConfirmed(origin, about)
  if (opening) {
    const passed = enrollmentPassed(origin, { ...opening, sessionId: opening.sid })
    const signedIn = await recordSignIn(deps, { account, passwordHash: null }, now, passed)
    if (!signedIn) throw new AuthError('invalid_enrollment')
  }
  const enrolled = await raiseEnrolled(deps, accountId, { below })
  if (enrolled === null) throw new AuthError('conflict')
  const authenticator = await activateAuthenticator(deps, step, confirmed)
  if (!authenticator) throw nothingToConfirm()
  if (enrolled > 1) return { authenticator, recoveryCodes: null }

  const count = deps.policy.current().recovery_code_count
  const { codes, stored } = newRecoveryCodes(deps.randomBytes, count)
  const event = recoveryCodesGenerated(origin, { accountId, sessionId, count })
  await replaceRecoveryCodes(deps, accountId, { codes: stored, now }, event)
  return { authenticator, recoveryCodes: codes }
}
