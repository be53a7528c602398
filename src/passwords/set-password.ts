import { passwordChanged } from '../audit/account-events.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { endOtherAccess, notifyingOfOthers } from '../sessions/end-other-access.ts'
import { isLongPassword } from './check-password.ts'
import { requireAcceptablePassword } from './require-acceptable-password.ts'
import { findAccountWithPassword, storePassword } from './store.ts'

/**
 * Gives an account of Postern's own a new password without asking for the old one, and ends its sessions. For
 * the command line only: an administrator over HTTP never chooses a user's password (docs/security.md 20).
 * @throws {AuthError} not_found, weak_password, conflict (disabled, or changed meanwhile)
 */
export const setPassword = async (
  deps: Pick<Deps, 'config' | 'postgres' | 'ephemeral' | 'policy' | 'passwords' | 'clients' | 'notices'>,
  origin: Origin,
  accountId: string,
  password: string,
): Promise<void> => {
  const found = await findAccountWithPassword(deps, accountId)
  if (!found || found.account.clientId !== null)
    throw new AuthError('not_found', 'There is no such account of Postern’s own.')
  await requireAcceptablePassword(deps, found.account, password, 'password')

  const next = await deps.passwords.hash(password)
  const event = passwordChanged(origin, { accountId, sessionId: null })
  const isLong = isLongPassword(password)
  const { account: acceptedFor, passwordHash: previous } = found
  const change = { acceptedFor, previous, next, isLong, now: origin.now }
  const all = { accountId, keptSessionId: null, others: 'end' } as const
  await notifyingOfOthers(deps, origin, all, () =>
    deps.postgres.transaction(async (postgres) => {
      if (!(await storePassword({ postgres }, change, event)))
        throw new AuthError('conflict', 'The account is disabled, or was changed meanwhile.')
      // Before the commit: where Redis is away nothing has changed, and the command can be repeated.
      return { ended: await endOtherAccess({ ...deps, postgres }, origin, all, 'password_set') }
    }),
  )
}
