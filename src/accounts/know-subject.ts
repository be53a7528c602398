import { isDeepStrictEqual } from 'node:util'
import { v7 as uuidv7 } from 'uuid'
import { accountChanged, accountCreated } from '../audit/account-events.ts'
import type { Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import type { AccountState } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'
import type { Account } from './account.ts'
import { changingAccount } from './change-under-version.ts'
import type { AccountWithFactors } from './details.ts'
import { insertSubject, type Subject, updateSubject } from './subject-store.ts'

type KnowDeps = Pick<Deps, 'accounts' | 'postgres' | 'ephemeral' | 'clock'>

const changesOf = (account: Account, said: Subject): Record<string, unknown> => ({
  ...(said.email !== undefined && said.email !== account.email && { email: true }),
  ...(said.displayName !== undefined && said.displayName !== account.displayName && { display_name: true }),
  ...(said.roles !== undefined && !isDeepStrictEqual(said.roles, account.roles) && { roles: said.roles }),
})

/** An account, and its state from before the account was read. */
type Known = { details: AccountWithFactors; state: AccountState }

const find = async (
  { accounts, ephemeral }: KnowDeps,
  { now }: Origin,
  clientId: string,
  subject: string,
): Promise<Known | null> => {
  const id = await accounts.findSubjectId(clientId, subject)
  if (id === null) return null
  const state = await ephemeral.budgets.read(id, now.getTime())
  const details = await accounts.find(id, state.accountVersion)
  // Deleted meanwhile; the subject may have come back as another account.
  if (!details) accounts.forgetSubject(clientId, subject)
  return details && { details, state }
}

/** As its client now reports it. */
const update = (
  deps: KnowDeps,
  origin: Origin,
  { id: accountId, clientId }: Account,
  { said, changed }: { said: Subject; changed: Record<string, unknown> },
): Promise<boolean> => {
  const event = accountChanged(origin, { accountId, clientId, changed })
  return changingAccount(deps, accountId, (postgres) =>
    updateSubject({ postgres }, accountId, { said, now: origin.now }, event),
  )
}

const create = (deps: KnowDeps, origin: Origin, clientId: string, said: Subject): Promise<boolean> => {
  const { now } = origin
  const id = uuidv7({ msecs: now.getTime() })
  const event = accountCreated(origin, { accountId: id, clientId, roles: said.roles ?? [] })
  return insertSubject(deps, { id, clientId, now }, said, event)
}

const MOST_TRIES = 5

/**
 * The account of a client's external subject, made by its first challenge. It belongs to that client.
 * @throws {AuthError} conflict, where it is changed again and again at the same time
 */
export const knowSubject = async (
  deps: KnowDeps,
  origin: Origin,
  clientId: string,
  said: Subject,
): Promise<Known> => {
  // What is not known yet as the client reports it is saved, and looked for again. Of two first challenges at once, one
  // makes the account.
  let isSaved = false
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const known = await find(deps, origin, clientId, said.subject)
    const changed = known ? changesOf(known.details.account, said) : {}
    // What was saved just now may have been changed again by another challenge of the same moment.
    if (known && (isSaved || Object.keys(changed).length === 0)) return known
    isSaved = known
      ? await update(deps, origin, known.details.account, { said, changed })
      : await create(deps, origin, clientId, said)
  }
  throw new AuthError('conflict', 'The subject was changed meanwhile; try again.')
}
