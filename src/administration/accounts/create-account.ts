import { v7 as uuidv7 } from 'uuid'
import { insertAccount } from '../../accounts/changes-store.ts'
import { accountCreated } from '../../audit/account-events.ts'
import type { Origin } from '../../audit/event.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { isVerifiable } from '../../passwords/password-hash.ts'
import { requireAcceptablePassword } from '../../passwords/require-acceptable-password.ts'
import { validated } from '../../wire/validation.ts'
import { NewAccountNames } from './schemas.ts'

/** `hash`: made elsewhere, for imports; replaced at the first sign-in. Null: no sign-in with a password. */
export type InitialPassword = { password: string } | { hash: string } | null

const DEFAULT_ROLES = ['user']

type CreateDeps = Pick<Deps, 'config' | 'postgres' | 'policy' | 'passwords'>

/**
 * Creates an account of Postern's own, and returns its id.
 * @throws {AuthError} invalid_request, weak_password, conflict
 */
export const createAccount = async (
  deps: CreateDeps,
  origin: Origin,
  names: NewAccountNames,
  initial: InitialPassword,
): Promise<string> => {
  validated(NewAccountNames, names)
  const { username, email = null, display_name: displayName = null, roles = DEFAULT_ROLES } = names
  const holder = { username, email, displayName, roles, enrolledAuthenticators: 0 }
  const passwordHash = await initialHash(deps, holder, initial)
  const id = uuidv7({ msecs: origin.now.getTime() })
  const account = { id, username, passwordHash, email, displayName, roles, createdAt: origin.now }
  await insertAccount(deps, account, accountCreated(origin, { accountId: id, clientId: null, roles }))
  return id
}

const initialHash = async (
  deps: CreateDeps,
  holder: Parameters<typeof requireAcceptablePassword>[1],
  initial: InitialPassword,
): Promise<string | null> => {
  if (initial === null) return null
  if ('password' in initial) {
    await requireAcceptablePassword(deps, holder, initial.password, 'password')
    return deps.passwords.hash(initial.password)
  }
  if (isVerifiable(initial.hash)) return initial.hash
  throw new AuthError('invalid_request', 'This form of password hash, or its cost, is not supported.', {
    fields: ['password_hash'],
  })
}
