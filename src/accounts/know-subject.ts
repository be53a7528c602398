import { isDeepStrictEqual } from 'node:util'
import { v7 as uuidv7 } from 'uuid'
import { accountChanged, accountCreated } from '../audit/account-events.ts'
import type { Origin } from '../audit/event.ts'
import type { Sql } from '../postgres/pool.ts'
import type { Account } from './account.ts'
import { findSubject, type Subject, saveSubject } from './store.ts'

const changesOf = (account: Account, said: Subject): Record<string, unknown> => ({
  ...(said.email !== undefined && said.email !== account.email && { email: true }),
  ...(said.displayName !== undefined && said.displayName !== account.displayName && { display_name: true }),
  ...(said.roles !== undefined && !isDeepStrictEqual(said.roles, account.roles) && { roles: said.roles }),
})

/** The account of a client's external subject, made by its first challenge. It belongs to that client. */
export const knowSubject = async (
  deps: { postgres: Sql },
  origin: Origin,
  clientId: string,
  said: Subject,
): Promise<Account> => {
  const { now } = origin
  const known = await findSubject(deps, clientId, said.subject)
  if (!known) {
    const event = accountCreated(origin, { accountId: null, clientId, roles: said.roles ?? [] })
    return saveSubject(deps, { id: uuidv7({ msecs: now.getTime() }), clientId, now }, said, event)
  }
  const changed = changesOf(known, said)
  if (Object.keys(changed).length === 0) return known
  return saveSubject(
    deps,
    { id: known.id, clientId, now },
    said,
    accountChanged(origin, { accountId: known.id, clientId, changed }),
  )
}
