// The accounts that this replica has read, by id and version, and the ids of clients' external subjects. The script of
// every use of a session answers the version of its account, so what is found under it is what PostgreSQL holds
// (`change-under-version.ts`).
//
// Decision: an account is forgotten a quarter of an hour after it was read, and all are when Redis comes back. A failover to a
// replica of Redis that lags may lose a version that was raised, and answer the one before: that is noticed then. So is
// what somebody changes in PostgreSQL by hand.
import { LRUCache } from 'lru-cache'
import type { Sql } from '../postgres/pool.ts'
import type { AccountWithFactors } from './details.ts'
import { findAccountWithFactors } from './details-store.ts'
import { findSubjectId } from './subject-store.ts'

export type Accounts = {
  /**
   * The account as it is under `version`, which the use of a session has just answered; null if there is none. Where the
   * version is '', it is read and not kept.
   */
  find(accountId: string, version: string): Promise<AccountWithFactors | null>
  /** The id of a client's external subject, or null. It never changes; but the account may have been deleted since. */
  findSubjectId(clientId: string, subject: string): Promise<string | null>
  forgetSubject(clientId: string, subject: string): void
  forgetAll(): void
}

const MAX_ACCOUNTS = 20_000
const MAX_SUBJECTS = 10_000
/** Longer than an access token lives, so that a client's next renewal finds the account. */
export const KEPT_FOR_MS = 15 * 60_000

const subjectKey = (clientId: string, subject: string): string => JSON.stringify([clientId, subject])

export const openAccounts = (deps: { postgres: Sql }): Accounts => {
  // Kept from when it is asked for: all who ask meanwhile share one read, and one that began before `forgetAll` is not
  // kept after it.
  const cache = new LRUCache<string, Promise<AccountWithFactors | null>>({
    max: MAX_ACCOUNTS,
    ttl: KEPT_FOR_MS,
  })
  const subjects = new LRUCache<string, string>({ max: MAX_SUBJECTS })
  return {
    async findSubjectId(clientId, subject) {
      const key = subjectKey(clientId, subject)
      const known = subjects.get(key)
      if (known !== undefined) return known
      const found = await findSubjectId(deps, clientId, subject)
      if (found !== null) subjects.set(key, found)
      return found
    },
    forgetSubject(clientId, subject) {
      subjects.delete(subjectKey(clientId, subject))
    },
    find(accountId, version) {
      if (version === '') return findAccountWithFactors(deps, accountId)
      const key = `${accountId} ${version}`
      const known = cache.get(key)
      if (known) return known
      const reading = findAccountWithFactors(deps, accountId)
      cache.set(key, reading)
      const forget = () => {
        if (cache.peek(key) === reading) cache.delete(key)
      }
      reading.then((found) => found ?? forget(), forget)
      return reading
    },
    forgetAll() {
      cache.clear()
      subjects.clear()
    },
  }
}
