import t from 'tap'
import { createExpiringMap } from '../../../src/ephemeral/memory/expiring-map.ts'

t.test('entries that expire are cleared away by additions, so it stays bounded', async (t) => {
  let now = 0
  const map = createExpiringMap<number>(() => now)
  for (let i = 0; i < 100_000; i++) {
    now += 1
    map.set(`key-${i}`, i, 100)
  }
  t.ok(map.size < 1000, `${map.size} left of 100 that are live`)
  t.equal(map.get('key-99999'), 99_999)
})

t.test('without additions, sweeping clears them away, a few at a time', async (t) => {
  let now = 0
  const deleted: string[] = []
  const map = createExpiringMap<string>(
    () => now,
    (value) => deleted.push(value),
  )
  map.set('kept', 'kept', 1000)
  for (const key of ['a', 'b', 'c', 'd']) map.set(key, key, 10)
  now = 10
  for (let i = 0; i < 10; i++) map.sweep(2)
  t.equal(map.size, 1)
  t.same(deleted.toSorted(), ['a', 'b', 'c', 'd'])
  map.delete('kept')
  map.delete('kept')
  t.equal(deleted.at(-1), 'kept')
  t.equal(deleted.length, 5, 'each is heard of once')
  t.equal(map.get('kept'), undefined)
})

t.test('an entry that is set again lives on', async (t) => {
  let now = 0
  const map = createExpiringMap<number>(() => now)
  map.set('key', 1, 10)
  now = 9
  map.set('key', 2, 10)
  now = 18
  map.sweep(10)
  t.equal(map.get('key'), 2)
})

t.test('an entry is gone when its time is over, swept or not', async (t) => {
  let now = 0
  const map = createExpiringMap<number>(() => now)
  map.set('key', 1, 10)
  now = 9
  t.equal(map.get('key'), 1)
  now = 10
  t.equal(map.get('key'), undefined)
})
