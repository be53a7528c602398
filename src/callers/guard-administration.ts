import { guardWith } from './guard.ts'
import { requireAdministrator } from './require-administrator.ts'

/** Lets only administrators in. */
export const { guard: guardAdministration, callerOf: administratorOf } = guardWith(
  'administrator',
  requireAdministrator,
)
