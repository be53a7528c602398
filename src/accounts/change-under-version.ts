// How every change of what replicas keep of an account (`account-cache.ts`) is made: its names, roles and status, its
// authenticators and recovery codes. Store functions that change one of these take a `ChangingSql`, and only
// `changingAccount` makes one.
//
// The order is: raise the version, change, raise it again. A replica reads an account after a script has answered its
// version, and keeps what it read under that version. So:
// - What was read before the change is kept under a version from before the first raise, which is not answered again.
// - From the first raise on, no version is answered for `UNSETTLED_MS`: whatever is read now is kept by nobody. That is
//   longer than a change can take. Should this process be killed after the commit, what is kept later was read after it.
//   Where Redis is away for the second raise, that is made as soon as Redis is back.
// - A replica whose clock is ahead may keep an account too early, under the version of the first raise. The second raise
//   ends that version. It needs no clock, and is made before the change is answered: whoever begins after the answer
//   sees the change, on every replica.
// - Where PostgreSQL does not say whether it has committed, no version is answered for as long as an account is kept.
// Where Redis is away for the first raise, nothing is changed. Where it has lost a version, the next use of a session
// makes another one, and the account is read anew.
import type { Deps } from '../deps.ts'
import { DependencyError } from '../errors.ts'
import { type Postgres, type Sql, TRANSACTION_WITHIN_MS } from '../postgres/pool.ts'
import { KEPT_FOR_MS } from './account-cache.ts'

/** Longer than any transaction with its commit and its wait for a connection; and clocks may be some seconds apart. */
const UNSETTLED_MS = 2 * TRANSACTION_WITHIN_MS

const TRY_AGAIN_MS = 1_000

const CHANGING = Symbol('changing')

/** Runs statements while the version of an account says that it is being changed. */
export type ChangingSql = Sql & { readonly [CHANGING]: true }

/** The same, outside of a transaction and in one. */
export type ChangingPostgres = Omit<Postgres, 'transaction'> &
  ChangingSql & { transaction<T>(run: (sql: ChangingSql) => Promise<T>): Promise<T> }

const changing = (postgres: Postgres): ChangingPostgres => ({
  ...postgres,
  [CHANGING]: true,
  transaction: (run) => postgres.transaction((sql) => run({ ...sql, [CHANGING]: true })),
})

/**
 * Runs a change of one account, which is committed when `run` returns.
 * @throws {DependencyError} where Redis is away: nothing has been changed.
 */
export const changingAccount = async <Changed>(
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clock'>,
  accountId: string,
  run: (postgres: ChangingPostgres) => Promise<Changed>,
): Promise<Changed> => {
  const { versions } = deps.ephemeral
  await versions.raise(accountId, deps.clock().getTime() + UNSETTLED_MS)
  try {
    const changed = await run(changing(deps.postgres))
    await raiseAgain(deps, accountId, null)
    return changed
  } catch (error) {
    // PostgreSQL may commit all the same, and nobody knows when.
    const isUnknown = error instanceof DependencyError && error.dependency === 'postgres'
    await raiseAgain(deps, accountId, isUnknown ? deps.clock().getTime() + KEPT_FOR_MS : null)
    throw error
  }
}

/** Where Redis is away, this is tried until it is back. Nobody waits for that. */
const raiseAgain = async (
  { ephemeral: { versions } }: Pick<Deps, 'ephemeral'>,
  accountId: string,
  unsettledUntilMs: number | null,
): Promise<void> => {
  const raise = (): Promise<boolean> =>
    versions.raise(accountId, unsettledUntilMs).then(
      () => true,
      () => false,
    )
  if (await raise()) return
  let triesLeft = KEPT_FOR_MS / TRY_AGAIN_MS
  const timer = setInterval(async () => {
    triesLeft -= 1
    if ((await raise()) || triesLeft <= 0) clearInterval(timer)
  }, TRY_AGAIN_MS).unref()
}
