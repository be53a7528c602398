// Removing an authenticator. Never the last one where the policy requires one, or where the password is not known to be
// long enough to be the only factor (docs/security.md 1). Nor the last that still works while a disabled one stays: the
// account would be asked for a second factor that it cannot give.
import { type ChangingSql, changingAccount } from '../../accounts/change-under-version.ts'
import { findAccount } from '../../accounts/store.ts'
import { authenticatorRemoved } from '../../audit/account-events.ts'
import { clearFactors, lockFactors, lowerEnrolled } from '../../authenticators/enrolled-count-store.ts'
import {
  countActive,
  deleteAuthenticator,
  type OwnAuthenticator,
} from '../../authenticators/own-authenticator-store.ts'
import type { FreshCaller } from '../../callers/authenticate-account.ts'
import { refuseSession } from '../../callers/refuse-session.ts'
import type { Deps } from '../../deps.ts'
import { AuthError, type ErrorCode } from '../../errors.ts'
import { MIN_LENGTH_ALONE } from '../../passwords/check-password.ts'
import { requirementReasons } from '../../policy/decide.ts'
import { endOtherAccess, notifyingOfOthers } from '../../sessions/end-other-access.ts'
import type { OtherSessions } from '../../sessions/schemas.ts'
import { CHANGEABLE } from './changeable.ts'

/** What is recorded, and as which reason. */
const REFUSALS = new Map<ErrorCode, string>([
  ['policy_violation', 'last_authenticator'],
  ['weak_password', 'weak_password'],
])

type RemoveDeps = Pick<Deps, 'postgres' | 'ephemeral' | 'policy' | 'clock' | 'clients' | 'notices'>

/** @throws {AuthError} not_found, policy_violation, weak_password */
export const removeAuthenticator = async (
  deps: RemoveDeps,
  caller: FreshCaller,
  { authenticatorId, others }: { authenticatorId: string; others: OtherSessions },
): Promise<void> => {
  const { session, account, origin, proof } = caller
  const own = { accountId: account.id, authenticatorId, statuses: CHANGEABLE[proof] }
  const about = { accountId: account.id, sessionId: session.sid, authenticatorId, type: 'totp' }
  const kept = { accountId: account.id, keptSessionId: session.sid, others }
  try {
    await notifyingOfOthers(deps, origin, kept, () =>
      changingAccount(deps, account.id, ({ transaction }) =>
        transaction(async (postgres) => {
          const within = { ...deps, postgres }
          const left = await removeOne(within, own, authenticatorRemoved(origin, about))
          const ended =
            left === null ? [] : await endOtherAccess(within, origin, kept, 'authenticator_removed')
          return { ended }
        }),
      ),
    )
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    const reason = REFUSALS.get(error.code)
    if (reason === undefined) throw error
    await refuseSession(deps, caller, reason, error)
  }
}

const SHORT_PASSWORD = `Without a second factor the password must have at least ${MIN_LENGTH_ALONE} characters, and this one \
is not known to. Choose one that has; or, where it does have them, sign in again with it, or use \
/v1/me/second-factor/disable, which asks for it.`

/** How many stay enrolled; null where what was removed had not been confirmed, and so counted for nothing. */
const removeOne = async (
  { policy, postgres }: Pick<RemoveDeps, 'policy'> & { postgres: ChangingSql },
  own: OwnAuthenticator,
  event: ReturnType<typeof authenticatorRemoved>,
): Promise<number | null> => {
  const locked = await lockFactors({ postgres }, own.accountId)
  // Read under the lock: whoever held it may have given the account a role that requires a second factor.
  const account = await findAccount({ postgres }, own.accountId)
  const keep = account && requirementReasons(policy.current(), account).length > 0 ? 1 : 0
  const removed = locked && (await deleteAuthenticator({ postgres }, own, event))
  if (!removed) throw new AuthError('not_found', 'The account has no authenticator by that id.')
  if (removed.status === 'pending') return null

  const left = await lowerEnrolled({ postgres }, own.accountId, { keep })
  if (left === null) {
    throw new AuthError(
      'policy_violation',
      'The account must have a second factor; enroll another one first.',
    )
  }
  if (left === 0 && !locked.canDoWithout) throw new AuthError('weak_password', SHORT_PASSWORD)
  if (left === 0) await clearFactors({ postgres }, own.accountId, 'enrolled')
  else if (removed.status === 'active' && (await countActive({ postgres }, own.accountId)) === 0) {
    throw new AuthError('policy_violation', 'Only disabled ones would stay; remove those first.')
  }
  return left
}
