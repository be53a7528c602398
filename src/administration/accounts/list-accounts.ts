import { type AccountFilter, listAccountDetails } from '../../accounts/details-store.ts'
import type { Deps } from '../../deps.ts'
import { decodeCursor, toPage } from '../../wire/page-cursor.ts'
import { type AccountItem, toAccountItem } from './schemas.ts'

const KEY = [/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/]

/**
 * One page of accounts, the newest first.
 * @throws {AuthError} invalid_request, for a cursor that this list did not give.
 */
export const listAccounts = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'policy' | 'clock'>,
  filter: AccountFilter,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<{ items: AccountItem[]; next_cursor: string | null }> => {
  const [beforeId = null] = cursor === undefined ? [] : decodeCursor(cursor, KEY)
  const found = await listAccountDetails(deps, filter, { beforeId, limit: limit + 1 })
  const { items, next_cursor } = toPage(found, limit, ({ account }) => [account.id])

  const nowMs = deps.clock().getTime()
  const states = await Promise.all(items.map(({ account }) => deps.ephemeral.budgets.read(account.id, nowMs)))
  const policy = deps.policy.current()
  return {
    items: items.map((one, index) => toAccountItem(one, policy, states[index]?.lockedUntilMs ?? null)),
    next_cursor,
  }
}
