// A Map whose expired entries are removed in small steps, so that it does not grow without bound, and no sweep
// stops the process. As with a TTL in Redis, expiry is decided by a clock that never goes back; callers who use
// another clock compare the times themselves.

/** Milliseconds from any fixed moment; never goes back. */
export type MonotonicClock = () => number

export type ExpiringMap<Value> = {
  get(key: string): Value | undefined
  set(key: string, value: Value, ttlMs: number): void
  delete(key: string): void
  readonly size: number
  /** Looks at up to `entries` of them, from where the last sweep stopped, and removes the expired ones. */
  sweep(entries: number): void
}

// More than one for each entry added, or expired entries could pile up faster than they are found.
const SWEPT_PER_SET = 2

/** `onDelete` is called for every entry that is removed, expired or not. */
export const createExpiringMap = <Value>(
  clock: MonotonicClock,
  onDelete: (value: Value) => void = () => {},
): ExpiringMap<Value> => {
  const entries = new Map<string, { value: Value; expiresAt: number }>()
  let visited = entries.entries()

  const remove = (key: string, value: Value) => {
    entries.delete(key)
    onDelete(value)
  }
  const sweep = (count: number) => {
    const now = clock()
    for (let i = 0; i < count; i++) {
      const next = visited.next()
      if (next.done) {
        visited = entries.entries()
        return
      }
      const [key, { value, expiresAt }] = next.value
      if (expiresAt <= now) remove(key, value)
    }
  }
  return {
    get(key) {
      const entry = entries.get(key)
      return entry && entry.expiresAt > clock() ? entry.value : undefined
    },
    set(key, value, ttlMs) {
      entries.set(key, { value, expiresAt: clock() + ttlMs })
      sweep(SWEPT_PER_SET)
    },
    delete(key) {
      const entry = entries.get(key)
      if (entry) remove(key, entry.value)
    },
    get size() {
      return entries.size
    },
    sweep,
  }
}
