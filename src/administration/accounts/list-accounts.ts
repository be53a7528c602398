import type { AccountFilter } from '../../accounts/details.ts'
import { findAccounts, type Place } from '../../accounts/find-accounts.ts'
import type { Deps } from '../../deps.ts'
import { decodeCursor, toPage } from '../../wire/page-cursor.ts'
import { UUID } from '../../wire/schemas.ts'
import { type AccountItem, toAccountItem } from './schemas.ts'

const STRETCHES = ['exact', 'newest', 'scattered'] as const
const KEY = [/^(exact|newest|scattered)$/, UUID]

const readKey = ([stretch, id = '']: string[]): Place => ({
  stretch: STRETCHES.find((known) => known === stretch) ?? 'newest',
  id,
})

/**
 * One page of accounts, in the order of `findAccounts`.
 * @throws {AuthError} invalid_request, for a cursor that this list did not give.
 */
export const listAccounts = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'policy' | 'clock'>,
  filter: AccountFilter & { search: string | null },
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<{ items: AccountItem[]; next_cursor: string | null }> => {
  const after = cursor === undefined ? null : readKey(decodeCursor(cursor, KEY))
  const found = await findAccounts(deps, filter, { after, limit: limit + 1 })
  const { items, next_cursor } = toPage(found, limit, ({ place }) => [place.stretch, place.id])

  const nowMs = deps.clock().getTime()
  const states = await Promise.all(items.map(({ account }) => deps.ephemeral.budgets.read(account.id, nowMs)))
  const policy = deps.policy.current()
  return {
    items: items.map((one, index) => toAccountItem(one, policy, states[index]?.lockedUntilMs ?? null)),
    next_cursor,
  }
}
