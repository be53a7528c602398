import type { Account } from '../accounts/account.ts'
import { changingAccount } from '../accounts/change-under-version.ts'
import { changeAccountRow } from '../accounts/changes-store.ts'
import { accountChanged } from '../audit/account-events.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'

/**
 * Changes what an account may change of itself.
 * @throws {AuthError} invalid_request for an external subject, whose names are its client's to change; not_found
 */
export const changeProfile = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clock'>,
  origin: Origin,
  account: Account,
  displayName: string | null,
): Promise<void> => {
  if (account.clientId !== null) {
    throw new AuthError('invalid_request', 'The names of an external subject are its client’s to change.', {
      fields: ['display_name'],
    })
  }
  if (displayName === account.displayName) return
  const accountId = account.id
  const event = accountChanged(origin, { accountId, changed: { display_name: true } })
  const change = { accountId, changes: { displayName }, now: origin.now }
  const changed = await changingAccount(deps, accountId, (postgres) =>
    changeAccountRow({ postgres }, change, event),
  )
  if (!changed) throw new AuthError('not_found')
}
