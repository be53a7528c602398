// The shape of an account’s names on the wire: one source for the routes and the command line. Pure.
import { Type } from 'typebox'
import { PlainText } from '../wire/schemas.ts'
import type { AccountChanges } from './changes-store.ts'

// ASCII, so that no two names look the same. One with an @ has to be the account's own email address.
export const Username = Type.String({
  maxLength: 64,
  pattern: '^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$',
  description: 'Compared without regard to case. One with an @ is the email address too.',
  examples: ['ada'],
})
export const Email = Type.String({ format: 'email', maxLength: 254, examples: ['ada@example.org'] })
export const DisplayName = PlainText({ minLength: 1, maxLength: 128 })
export const RoleName = Type.String({ maxLength: 64, pattern: '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$' })

export const Roles = Type.Array(RoleName, { maxItems: 64, uniqueItems: true, examples: [['user']] })
export const AccountStatus = Type.Union([Type.Literal('active'), Type.Literal('disabled')])

const WIRE_NAMES: Record<keyof AccountChanges, string> = {
  username: 'username',
  email: 'email',
  displayName: 'display_name',
  roles: 'roles',
  status: 'status',
  claims: 'claims',
}

/** The members that a change names, as the audit log and refusals show them. */
export const namesOf = (changes: AccountChanges): string[] =>
  Object.entries(WIRE_NAMES).flatMap(([member, name]) => (member in changes ? [name] : []))
