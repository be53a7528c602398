import { v7 as uuidv7 } from 'uuid'
import { insertAccount, type NewAccount } from '../../accounts/changes-store.ts'
import { accountCreated } from '../../audit/account-events.ts'
import type { Origin } from '../../audit/event.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { isLongPassword } from '../../passwords/check-password.ts'
import { isVerifiable } from '../../passwords/password-hash.ts'
import { requireAcceptablePassword } from '../../passwords/require-acceptable-password.ts'
import { requireStillAdministrator } from '../require-still-administrator.ts'
import type { WantedAccount } from './schemas.ts'

/** `hash`: made elsewhere, for imports; replaced at the first sign-in. Null: no sign-in with a password. */
type InitialPassword = { password: string } | { hash: string } | null

const DEFAULT_ROLES = ['user']

type CreateDeps = Pick<Deps, 'config' | 'postgres' | 'policy' | 'passwords'>

/**
 * Creates an account of Postern's own, and returns its id.
 * @throws {AuthError} invalid_request, weak_password, conflict; access_denied, where who asks is no longer an administrator
 */
export const createAccount = async (
  deps: CreateDeps,
  origin: Origin,
  wanted: WantedAccount,
  initial: InitialPassword,
): Promise<string> => {
  const { username, email = null, displayName = null, roles = DEFAULT_ROLES, claims = {} } = wanted
  const holder = { username, email, displayName, roles, enrolledAuthenticators: 0 }
  const password = await initialPassword(deps, holder, initial)
  await requireStillAdministrator(deps, origin)
  const id = uuidv7({ msecs: origin.now.getTime() })
  const account = { id, username, ...password, email, displayName, roles, claims, createdAt: origin.now }
  await insertAccount(deps, account, accountCreated(origin, { accountId: id, clientId: null, roles }))
  return id
}

const initialPassword = async (
  deps: CreateDeps,
  holder: Parameters<typeof requireAcceptablePassword>[1],
  initial: InitialPassword,
): Promise<Pick<NewAccount, 'passwordHash' | 'passwordIsLong'>> => {
  if (initial === null) return { passwordHash: null, passwordIsLong: false }
  if ('password' in initial) {
    const { password } = initial
    await requireAcceptablePassword(deps, holder, password, 'password')
    return {
      passwordHash: await deps.passwords.hash(password),
      passwordIsLong: isLongPassword(password),
    }
  }
  // How long it is, the first sign-in with it notes.
  if (isVerifiable(initial.hash)) return { passwordHash: initial.hash, passwordIsLong: false }
  throw new AuthError('invalid_request', 'This form of password hash, or its cost, is not supported.', {
    fields: ['password_hash'],
  })
}
