import { v7 as uuidv7 } from 'uuid'
import { ADMINISTRATOR_ROLE } from '../../accounts/account.ts'
import { hasOwnAccounts, insertAccount } from '../../accounts/changes-store.ts'
import { accountCreated } from '../../audit/account-events.ts'
import { systemOrigin } from '../../audit/event.ts'
import { ConfigError } from '../../config.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { isLongPassword, type PasswordHolder } from '../../passwords/check-password.ts'
import { requireAcceptablePassword } from '../../passwords/require-acceptable-password.ts'

/** 20 bytes in base64url: 160 bits, 27 characters. */
const GENERATED_PASSWORD_BYTES = 20

/** `password` is null where it was configured, because it is not shown then. */
export type FirstAdministrator = { username: string; password: string | null }

type FirstDeps = Pick<Deps, 'config' | 'postgres' | 'policy' | 'passwords' | 'clock' | 'randomBytes'>

const requireAcceptable = async (
  deps: FirstDeps,
  holder: PasswordHolder,
  password: string,
): Promise<void> => {
  try {
    await requireAcceptablePassword(deps, holder, password, 'password')
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    throw new ConfigError(
      `The configuration is wrong:\n  POSTERN_ADMIN_PASSWORD: got a value that is not shown; ${error.message}`,
    )
  }
}

/**
 * Makes the first administrator where there is no account yet; null where there is one.
 * @throws {ConfigError} the configured password cannot be accepted
 */
export const createFirstAdministrator = async (deps: FirstDeps): Promise<FirstAdministrator | null> => {
  if (await hasOwnAccounts(deps)) return null
  const { adminUsername: username, adminPassword } = deps.config
  const names = { username, email: null, displayName: null, roles: [ADMINISTRATOR_ROLE] }
  if (adminPassword !== null) {
    await requireAcceptable(deps, { ...names, enrolledAuthenticators: 0 }, adminPassword)
  }
  const password = adminPassword ?? deps.randomBytes(GENERATED_PASSWORD_BYTES).toString('base64url')
  const now = deps.clock()
  const id = uuidv7({ msecs: now.getTime() })
  const passwordIsLong = isLongPassword(password)
  const account = { id, ...names, claims: {}, passwordIsLong, createdAt: now }
  const event = accountCreated(systemOrigin(now), { accountId: id, clientId: null, roles: account.roles })
  try {
    await insertAccount(deps, { ...account, passwordHash: await deps.passwords.hash(password) }, event)
  } catch (error) {
    // Another replica that started at the same moment has made it.
    if (error instanceof AuthError && error.code === 'conflict') return null
    throw error
  }
  return { username, password: adminPassword === null ? password : null }
}
