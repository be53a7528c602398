import { changingAccount } from '../../accounts/change-under-version.ts'
import { recoveryCodesGenerated } from '../../audit/account-events.ts'
import { lockFactors } from '../../authenticators/enrolled-count-store.ts'
import { newRecoveryCodes } from '../../authenticators/recovery-codes/recovery-code.ts'
import { replaceRecoveryCodes } from '../../authenticators/recovery-codes/store.ts'
import type { FreshCaller } from '../../callers/authenticate-account.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { endOtherAccess, notifyingOfOthers } from '../../sessions/end-other-access.ts'
import type { OtherSessions } from '../../sessions/schemas.ts'

/**
 * A new set of recovery codes, shown by this one answer; the old set is void.
 * @throws {AuthError} conflict where no authenticator is enrolled
 */
export const regenerateRecoveryCodes = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'policy' | 'randomBytes' | 'clock' | 'clients' | 'notices'>,
  { session, account, origin }: FreshCaller,
  others: OtherSessions,
): Promise<string[]> => {
  if (account.enrolledAuthenticators === 0) throw noneEnrolled()
  const accountId = account.id
  const count = deps.policy.current().recovery_code_count
  const { codes, stored } = newRecoveryCodes(deps.randomBytes, count)
  const event = recoveryCodesGenerated(origin, { accountId, sessionId: session.sid, count })
  const kept = { accountId, keptSessionId: session.sid, others }
  await notifyingOfOthers(deps, origin, kept, () =>
    changingAccount(deps, accountId, ({ transaction }) =>
      transaction(async (postgres) => {
        // No authenticator is left, or the account is gone.
        if (!(await lockFactors({ postgres }, accountId))?.enrolled) throw noneEnrolled()
        await replaceRecoveryCodes({ postgres }, accountId, { codes: stored, now: origin.now }, event)
        return {
          ended: await endOtherAccess({ ...deps, postgres }, origin, kept, 'recovery_codes_generated'),
        }
      }),
    ),
  )
  return codes
}

const noneEnrolled = () => new AuthError('conflict', 'Recovery codes come with the first authenticator.')
