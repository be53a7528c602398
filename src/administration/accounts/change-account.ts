// Changes what an administrator may change of an account.
import { isDeepStrictEqual } from 'node:util'
import { type Account, ADMINISTRATOR_ROLE } from '../../accounts/account.ts'
import { changingAccount } from '../../accounts/change-under-version.ts'
import { type AccountChanges, changeAccountRow } from '../../accounts/changes-store.ts'
import type { ClaimChanges, StandardClaims } from '../../accounts/claims.ts'
import { namesOf } from '../../accounts/schemas.ts'
import { findAccount } from '../../accounts/store.ts'
import { accountChanged } from '../../audit/account-events.ts'
import type { Origin } from '../../audit/event.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { endAccess } from '../../sessions/end-access.ts'

const changedClaims = ({ claims: known }: Account, wanted: ClaimChanges): ClaimChanges =>
  Object.fromEntries(
    Object.entries(wanted).filter(
      ([name, value]) => !isDeepStrictEqual(value, known[name as keyof StandardClaims] ?? null),
    ),
  )

/** The members of `wanted` that change something. */
const changesOf = (account: Account, { claims = {}, ...wanted }: AccountChanges): AccountChanges => {
  const changed = Object.entries(wanted).filter(
    ([member, value]) => !isDeepStrictEqual(value, account[member as keyof typeof wanted]),
  )
  const named = changedClaims(account, claims)
  return { ...Object.fromEntries(changed), ...(Object.keys(named).length > 0 && { claims: named }) }
}

/** For the audit event: the names of all members and claims, and the values of roles and status only. */
const auditedChanges = (changes: AccountChanges): Record<string, unknown> => {
  const { roles, status, claims } = changes
  const named = namesOf(changes).map((name) => [name, true])
  return {
    ...Object.fromEntries(named),
    ...(roles && { roles }),
    ...(status && { status }),
    ...(claims && { claims: Object.keys(claims) }),
  }
}

const refuseForeign = (account: Account, wanted: AccountChanges): void => {
  if (account.clientId === null) return
  const fields = namesOf(wanted).filter((name) => name !== 'status')
  if (fields.length === 0) return
  throw new AuthError('invalid_request', 'Only the status of an external subject can be changed here.', {
    fields,
  })
}

const refuseOwnDemotion = ({ actor }: Origin, account: Account, wanted: AccountChanges): void => {
  if (actor.id !== account.id) return
  const stays = wanted.status !== 'disabled' && (wanted.roles?.includes(ADMINISTRATOR_ROLE) ?? true)
  if (!stays)
    throw new AuthError('access_denied', 'Administrators cannot disable or demote themselves; ask another.')
}

/**
 * Changes an account. Disabling it ends all its sessions, challenges and tokens at once.
 * @throws {AuthError} not_found, invalid_request, access_denied (one's own), conflict (names that are taken, the
 *   last active administrator)
 */
export const changeAccount = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clock' | 'clients' | 'notices'>,
  origin: Origin,
  accountId: string,
  wanted: AccountChanges,
): Promise<void> => {
  const account = await findAccount(deps, accountId)
  if (!account) throw new AuthError('not_found', 'There is no such account.')
  refuseForeign(account, wanted)
  refuseOwnDemotion(origin, account, wanted)

  const changes = changesOf(account, wanted)
  if (Object.keys(changes).length > 0) {
    const event = accountChanged(origin, { accountId, changed: auditedChanges(changes) })
    const done = await changingAccount(deps, accountId, (postgres) =>
      changeAccountRow({ postgres }, { accountId, changes, now: origin.now }, event),
    )
    if (!done)
      throw new AuthError('conflict', 'The last active administrator has to stay one. Make another first.')
  }
  // Also where the account was disabled before, because ending may have failed then. After the account is disabled in
  // PostgreSQL, or a sign-in in between would keep its session.
  if (wanted.status === 'disabled') await endAccess(deps, origin, accountId, 'disabled')
}
