// Doing without a second factor, where the policy allows it. It needs the password and a code, each counted against its
// own budget before it is checked. Ends the other sessions.

import type { Account } from '../../accounts/account.ts'
import { type ChangingSql, changingAccount } from '../../accounts/change-under-version.ts'
import { findAccount } from '../../accounts/store.ts'
import { secondFactorDisabled } from '../../audit/account-events.ts'
import { checkCode, refuseCode, takeAccountAttempt } from '../../authenticators/attempt-code.ts'
import { answerShapes, shapeOf } from '../../authenticators/code.ts'
import { clearFactors, lockFactors } from '../../authenticators/enrolled-count-store.ts'
import { burnMatch, type Match } from '../../authenticators/match-answer.ts'
import type { AccountCaller, Caller } from '../../callers/authenticate-account.ts'
import { refuseSession } from '../../callers/refuse-session.ts'
import type { Deps } from '../../deps.ts'
import type { SessionClients } from '../../ephemeral/sessions.ts'
import { AuthError } from '../../errors.ts'
import { isLongPassword, MIN_LENGTH_ALONE } from '../../passwords/check-password.ts'
import { requireCurrentPassword } from '../../passwords/require-current-password.ts'
import { findAccountWithPassword } from '../../passwords/store.ts'
import { requirementReasons } from '../../policy/decide.ts'
import type { Method } from '../../policy/policy.ts'
import { endOtherAccess, notifyingOfOthers, type OtherAccess } from '../../sessions/end-other-access.ts'
import type { OtherSessions } from '../../sessions/schemas.ts'

type DisableDeps = Pick<
  Deps,
  'accounts' | 'postgres' | 'ephemeral' | 'policy' | 'sealer' | 'passwords' | 'clock' | 'clients' | 'notices'
>

type DisableAnswer = { password: string; method: Method; code: string; others: OtherSessions }

/**
 * Removes every authenticator and recovery code of the account, and ends its other sessions.
 * @throws {AuthError} policy_violation, conflict where there is none, invalid_request, too_many_attempts,
 *   invalid_credentials, not_found where it has no password, weak_password where it is too short to be the only
 *   factor, account_locked, invalid_code
 */
export const disableSecondFactor = async (
  deps: DisableDeps,
  caller: AccountCaller,
  answer: DisableAnswer,
): Promise<void> => {
  const { session, account, origin } = caller
  const { password, method, code } = answer
  await requireChoice(deps, caller)
  requireShape(deps, caller, answer)
  await requirePassword(deps, caller, password)

  const about = { accountId: account.id, sessionId: session.sid }
  const attempt = await takeAccountAttempt(deps, origin, { ...about, purpose: 'disable' }, { method, code })
  const { match } = await checkCode(deps, origin, attempt, { method, code })
  const kept = { accountId: account.id, keptSessionId: session.sid, others: answer.others }
  const { outcome } = await notifyingOfOthers(deps, origin, kept, () =>
    changingAccount(deps, account.id, ({ transaction }) =>
      transaction((postgres) => disable({ ...deps, postgres }, caller, { match, kept })),
    ),
  )
  if (outcome === 'required') await refuseRequired(deps, caller)
  if (outcome === 'short_password') await refuseShortPassword(deps, caller)
  if (outcome === 'replayed_code') await refuseCode(deps, origin, attempt, { method, reason: outcome })
}

/** What came of it, and which sessions have ended. */
type Disabled = {
  outcome: 'disabled' | 'required' | 'short_password' | 'replayed_code'
  ended: readonly SessionClients[]
}

const refused = (outcome: Disabled['outcome']): Disabled => ({ outcome, ended: [] })

/** In one transaction; a refusal is returned, and changes nothing. */
const disable = async (
  deps: Pick<DisableDeps, 'ephemeral' | 'policy'> & { postgres: ChangingSql },
  { session, account, origin }: Caller,
  { match, kept }: { match: Match; kept: OtherAccess },
): Promise<Disabled> => {
  const locked = await lockFactors(deps, account.id)
  if (!locked?.enrolled) throw noneEnrolled()
  // Once more: the account, its password and the policy may have changed while the password and the code were looked at.
  const found = await findAccount(deps, account.id)
  if (!found || isRequired(deps, found)) return refused('required')
  if (!locked.canDoWithout) return refused('short_password')
  const event = secondFactorDisabled(origin, { accountId: account.id, sessionId: session.sid })
  if (!(await burnMatch(deps, match, { now: origin.now, signedInAt: null }, event)))
    return refused('replayed_code')
  await clearFactors(deps, account.id, 'enrolled_and_begun')
  await deps.ephemeral.budgets.clear(account.id)
  return { outcome: 'disabled', ended: await endOtherAccess(deps, origin, kept, 'second_factor_disabled') }
}

const noneEnrolled = () => new AuthError('conflict', 'The account has no second factor.')

/** The account may choose only where the policy requires no second factor. */
const requireChoice = async (deps: DisableDeps, caller: Caller): Promise<void> => {
  if (caller.account.enrolledAuthenticators === 0) throw noneEnrolled()
  if (isRequired(deps, caller.account)) await refuseRequired(deps, caller)
}

const isRequired = (deps: Pick<DisableDeps, 'policy'>, account: Account): boolean =>
  requirementReasons(deps.policy.current(), account).length > 0

const refuseRequired = (deps: DisableDeps, caller: Caller): Promise<never> => {
  const error = new AuthError('policy_violation', 'The account must have a second factor.')
  return refuseSession(deps, caller, 'second_factor_required', error)
}

/** A code that none of its authenticators makes is malformed, and spends no attempt. */
const requireShape = (
  deps: DisableDeps,
  { details }: AccountCaller,
  { method, code }: DisableAnswer,
): void => {
  const shapes = answerShapes(deps.policy.current().allowed_methods, details)
  if (shapes.includes(shapeOf(method, code))) return
  throw new AuthError('invalid_request', 'The account has no second factor with codes like this.', {
    fields: ['method', 'code'],
  })
}

const requirePassword = async (deps: DisableDeps, caller: Caller, password: string): Promise<void> => {
  const { session, account, origin } = caller
  const found = await findAccountWithPassword(deps, account.id)
  // A client's external subject has none here; it can remove its authenticators one by one.
  if (!found?.passwordHash) throw new AuthError('not_found', 'This account has no password here.')
  const about = { found, sessionId: session.sid, password, field: 'password' as const }
  await requireCurrentPassword(deps, origin, about)
  if (!isLongPassword(password)) await refuseShortPassword(deps, caller)
}

/** From now on the password is the only factor, so it has to be longer than beside another one (docs/security.md 1). */
const refuseShortPassword = (deps: DisableDeps, caller: Caller): Promise<never> => {
  const text = `Without a second factor the password must have at least ${MIN_LENGTH_ALONE} characters; choose a longer one first.`
  const error = new AuthError('weak_password', text, { fields: ['password'] })
  return refuseSession(deps, caller, 'weak_password', error)
}
