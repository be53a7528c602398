import { guardWith } from './guard.ts'
import { requireAdministrator } from './require-administrator.ts'
import { proveKey } from './verify-dpop.ts'

/** How every guarded route refuses. */
export const ADMINISTRATOR_ERRORS = [
  'invalid_token',
  'access_denied',
  'account_locked',
  'insufficient_user_authentication',
] as const

/** Lets only administrators in. */
export const { guard: guardAdministration, callerOf: administratorOf } = guardWith(
  'administrator',
  requireAdministrator,
  proveKey,
)
