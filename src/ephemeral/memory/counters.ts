import type { ChangedTopic, Changes, Counters } from '../ephemeral.ts'
import { createExpiringMap, type MonotonicClock } from './expiring-map.ts'

type Counter = { count: number; resetsAtMs: number }

export const memoryCounters = (clock: MonotonicClock) => {
  const counters = createExpiringMap<Counter>(clock)
  const open = (name: string, nowMs: number): Counter | null => {
    const counter = counters.get(name)
    return counter && counter.resetsAtMs > nowMs ? counter : null
  }
  const store: Counters = {
    async increment(name, windowMs, nowMs) {
      const counter = open(name, nowMs) ?? { count: 0, resetsAtMs: nowMs + windowMs }
      counter.count += 1
      if (counter.count === 1) counters.set(name, counter, windowMs)
      return { count: counter.count, resetsInMs: counter.resetsAtMs - nowMs }
    },
    async decrement(name, nowMs) {
      const counter = open(name, nowMs)
      if (counter && counter.count > 0) counter.count -= 1
    },
    async reset(name) {
      counters.delete(name)
    },
  }
  return { store, sweep: counters.sweep }
}

/** There is one process, so its own listeners are all that a change is announced to. */
export const memoryChanges = (): Changes => {
  const listeners = new Set<(topic: ChangedTopic) => void>()
  return {
    async publish(topic) {
      for (const listener of listeners) listener(topic)
    },
    subscribe(listener) {
      listeners.add(listener)
    },
  }
}
