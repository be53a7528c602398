import { v7 as uuidv7 } from 'uuid'
import { accountCreated } from '../audit/account-events.ts'
import { systemOrigin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { hasOwnAccounts, insertAccount } from './admin-store.ts'

/** 20 bytes in base64url: 160 bits, 27 characters. */
const GENERATED_PASSWORD_BYTES = 20

/** `password` is null where it was configured, so that it need not be shown. */
export type FirstAdministrator = { username: string; password: string | null }

/** Makes the first administrator where there is no account yet; null where there is one. */
export const createFirstAdministrator = async (
  deps: Pick<Deps, 'config' | 'postgres' | 'passwords' | 'clock' | 'randomBytes'>,
): Promise<FirstAdministrator | null> => {
  if (await hasOwnAccounts(deps)) return null
  const { adminUsername: username, adminPassword } = deps.config
  const password = adminPassword ?? deps.randomBytes(GENERATED_PASSWORD_BYTES).toString('base64url')
  const now = deps.clock()
  const id = uuidv7({ msecs: now.getTime() })
  const account = { id, username, email: null, displayName: null, roles: ['admin'], createdAt: now }
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
