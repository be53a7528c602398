// Times that callers name. Pure.
const RFC_3339 = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3])(:[0-5]\d){2}(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/

/**
 * True for a time of RFC 3339 that exists in JavaScript and in PostgreSQL: the day is in the calendar, and the second is
 * not a leap second (`:60`), which a `Date` does not have.
 */
export const isTimestamp = (text: string): boolean => {
  const [, day = ''] = RFC_3339.exec(text) ?? []
  const midnight = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day)
}
