import type { Sql } from '../postgres/pool.ts'
import { nameKey } from './account.ts'
import type { AccountFilter, ListedAccount } from './details.ts'
import {
  type AccountSearch,
  findExactAccounts,
  findNewestAccounts,
  findScatteredAccounts,
  isCommonSearch,
  listAccountDetails,
} from './search-store.ts'

/** A list has the newest accounts. A search has exact matches first, then the newest others, or scattered ones. */
export type Stretch = 'exact' | 'newest' | 'scattered'

/** The position of an account in a list or a search. */
export type Place = { stretch: Stretch; id: string }

export type Found = ListedAccount & { place: Place }

type Page = { after: Place | null; limit: number }

const TRIGRAM = 3

/** A term shorter than a trigram is looked for only where a name begins, which is after two line feeds. */
const toSearch = (name: string): AccountSearch => ({
  name,
  part: [...name].length < TRIGRAM ? `\n\n${name}` : name,
})

const placed = (stretch: Stretch, found: ListedAccount[]): Found[] =>
  found.map((details) => ({ ...details, place: { stretch, id: details.account.id } }))

const findOthers = async (
  deps: { postgres: Sql },
  filter: AccountFilter,
  search: AccountSearch,
  { after, limit }: Page,
): Promise<Found[]> => {
  const begun = after === null || after.stretch === 'exact' ? null : after
  const isScattered = begun ? begun.stretch === 'scattered' : await isCommonSearch(deps, filter, search)
  const page = { afterId: begun?.id ?? null, limit }
  return isScattered
    ? placed('scattered', await findScatteredAccounts(deps, filter, search, page))
    : placed('newest', await findNewestAccounts(deps, filter, search, page))
}

/**
 * Accounts that pass `filter`, the newest first. With `search`, accounts with exactly this user name or email address
 * come first. Then come accounts with a name that contains it, or, where it has one or two characters, begins with it.
 * Those are the newest first, or, where there are thousands, in no order. Each account is on one page only.
 */
export const findAccounts = async (
  deps: { postgres: Sql },
  { search, ...filter }: AccountFilter & { search: string | null },
  { after, limit }: Page,
): Promise<Found[]> => {
  const name = nameKey(search ?? '')
  const page = { afterId: after?.id ?? null, limit }
  if (name === '') return placed('newest', await listAccountDetails(deps, filter, page))
  const asked = toSearch(name)
  const isPastExact = after !== null && after.stretch !== 'exact'
  const exact = isPastExact ? [] : placed('exact', await findExactAccounts(deps, filter, asked, page))
  if (exact.length === limit) return exact
  return [...exact, ...(await findOthers(deps, filter, asked, { after, limit: limit - exact.length }))]
}
