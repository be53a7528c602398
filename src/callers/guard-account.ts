// The guards of an account's own routes. `server/app.ts` lists the routes behind each.
import {
  authenticateAccount,
  authenticateFreshAccount,
  authenticateUnlockedAccount,
} from './authenticate-account.ts'
import { authenticateEnrollee, authenticateFreshEnrollee } from './authenticate-enrollee.ts'
import { authenticateBearer, authenticateSession } from './authenticate-session.ts'
import { guardWith } from './guard.ts'
import { proveKey } from './verify-dpop.ts'

/** A token for Postern is enough, of whatever scope. */
export const { guard: guardBearer, callerOf: bearerCallerOf } = guardWith(
  'bearerCaller',
  authenticateBearer,
  proveKey,
)

/** A live session of the scope `postern:me` is enough; its account may be disabled or gone. */
export const { guard: guardSession, callerOf: sessionCallerOf } = guardWith(
  'sessionCaller',
  authenticateSession,
  proveKey,
)

/** A live session of an active account. */
export const { guard: guardAccount, callerOf: accountCallerOf } = guardWith(
  'accountCaller',
  authenticateAccount,
  proveKey,
)

/** Changes of settings: no vouched session, and the account is not locked (docs/security.md 8, 41). */
export const { guard: guardSettings, callerOf: settingsCallerOf } = guardWith(
  'settingsCaller',
  authenticateUnlockedAccount,
  proveKey,
)

/** Changes of factors or the password: as `guardSettings`, and the second factor is fresh (docs/security.md 18). */
export const { guard: guardChange, callerOf: changeCallerOf } = guardWith(
  'changeCaller',
  authenticateFreshAccount,
  proveKey,
)

/** An account's session, or an enrollment token. */
export const { guard: guardEnrollee, callerOf: enrolleeOf } = guardWith(
  'enrollee',
  authenticateEnrollee,
  proveKey,
)

/** An enrollment token, or an account's session whose second factor is fresh; the account is not locked. */
export const { guard: guardEnrollment, callerOf: enrollingOf } = guardWith(
  'enrolling',
  authenticateFreshEnrollee,
  proveKey,
)

/** How the routes behind these guards describe themselves. */
export const ownRoute = (summary: string) => ({
  tags: ['The account’s own'],
  security: [{ bearer: [] }],
  summary,
})
