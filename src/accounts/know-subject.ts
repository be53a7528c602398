import { isDeepStrictEqual } from 'node:util'
import { v7 as uuidv7 } from 'uuid'
import { accountChanged, accountCreated } from '../audit/account-events.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Account } from './account.ts'
import { changingAccount } from './change-under-version.ts'
import { findSubject, insertSubject, type Subject, updateSubject } from './store.ts'

type KnowDeps = Pick<Deps, 'postgres' | 'ephemeral' | 'clock'>

const changesOf = (account: Account, said: Subject): Record<string, unknown> => ({
  ...(said.email !== undefined && said.email !== account.email && { email: true }),
  ...(said.displayName !== undefined && said.displayName !== account.displayName && { display_name: true }),
  ...(said.roles !== undefined && !isDeepStrictEqual(said.roles, account.roles) && { roles: said.roles }),
})

/** The known account as its client now reports it; null where it was deleted meanwhile. */
const updated = (
  deps: KnowDeps,
  origin: Origin,
  { id: accountId, clientId }: Account,
  { said, changed }: { said: Subject; changed: Record<string, unknown> },
): Promise<Account | null> => {
  const event = accountChanged(origin, { accountId, clientId, changed })
  return changingAccount(deps, accountId, (postgres) =>
    updateSubject({ postgres }, accountId, { said, now: origin.now }, event),
  )
}

const created = (
  deps: KnowDeps,
  origin: Origin,
  clientId: string,
  said: Subject,
): Promise<Account | null> => {
  const { now } = origin
  const id = uuidv7({ msecs: now.getTime() })
  const event = accountCreated(origin, { accountId: id, clientId, roles: said.roles ?? [] })
  return insertSubject(deps, { id, clientId, now }, said, event)
}

/**
 * The account of a client's external subject, made by its first challenge. It belongs to that client.
 * @throws {AuthError} conflict, where it is made and deleted at the same time
 */
export const knowSubject = async (
  deps: KnowDeps,
  origin: Origin,
  clientId: string,
  said: Subject,
): Promise<Account> => {
  // Of two first challenges at once, one makes the account, and the other looks again.
  for (let tries = 0; tries < 3; tries += 1) {
    const known = await findSubject(deps, clientId, said.subject)
    const changed = known ? changesOf(known, said) : {}
    if (known && Object.keys(changed).length === 0) return known
    const saved = await (known
      ? updated(deps, origin, known, { said, changed })
      : created(deps, origin, clientId, said))
    if (saved) return saved
  }
  throw new AuthError('conflict', 'The subject was changed meanwhile; try again.')
}
