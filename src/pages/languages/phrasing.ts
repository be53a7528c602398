// Counts, durations and dates in the words of one language. Pure; formatters are made when they are first needed.

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

type Unit = (typeof UNITS)[number][0]

/** In the largest unit that fits, rounded up: whoever waits that long has waited long enough. */
const inUnit = (seconds: number): [number, Unit] => {
  for (const [unit, size] of UNITS) {
    if (seconds >= size) return [Math.ceil(seconds / size), unit]
  }
  return [1, 'second']
}

export type Phrasing = {
  /** The form for a count, `#` in it replaced by the number. */
  count(count: number, forms: { one: string; other: string }): string
  /** "5 minutes" */
  duration(seconds: number): string
  /** "in 5 minutes" */
  fromNow(seconds: number): string
  date(date: Date): string
}

const once = <T>(make: () => T): (() => T) => {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

export const phrasing = (tag: string): Phrasing => {
  const plurals = once(() => new Intl.PluralRules(tag))
  const numbers = once(() => new Intl.NumberFormat(tag))
  const relative = once(() => new Intl.RelativeTimeFormat(tag))
  const dates = once(() => new Intl.DateTimeFormat(tag, { dateStyle: 'long', timeZone: 'UTC' }))
  return {
    count(count, { one, other }) {
      const form = plurals().select(count) === 'one' ? one : other
      return form.replace('#', numbers().format(count))
    },
    duration(seconds) {
      const [count, unit] = inUnit(seconds)
      return new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'long' }).format(count)
    },
    fromNow(seconds) {
      const [count, unit] = inUnit(seconds)
      return relative().format(count, unit)
    },
    date: (date) => dates().format(date),
  }
}
