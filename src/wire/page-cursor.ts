// Cursors of paged lists: the key of the last item of a page, opaque to callers. Pure.
import { AuthError } from '../errors.ts'

/** Makes `next_cursor` of the sort key of a page's last item. */
export const encodeCursor = (key: readonly string[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url')

const parse = (cursor: string): unknown => {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return null
  }
}

/**
 * The sort key inside a cursor, each part as its pattern demands.
 * @throws {AuthError} invalid_request for a cursor that no list has given
 */
export const decodeCursor = (cursor: string, patterns: readonly RegExp[]): string[] => {
  const key = parse(cursor)
  const fits =
    Array.isArray(key) &&
    key.length === patterns.length &&
    key.every((part, index) => typeof part === 'string' && patterns[index]?.test(part))
  if (!fits)
    throw new AuthError('invalid_request', 'cursor is not one that this list gave.', { fields: ['cursor'] })
  return key
}

/** A page of rows that were read with one more than `limit`; if there is one more, there is a next page. */
export const toPage = <T>(
  rows: readonly T[],
  limit: number,
  keyOf: (row: T) => readonly string[],
): { items: T[]; next_cursor: string | null } => {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, next_cursor: rows.length > limit && last ? encodeCursor(keyOf(last)) : null }
}
