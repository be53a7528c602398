import t from 'tap'
import { grouping } from '../../bench/floor/group.ts'

type Item = { id: string }

/** Sends are answered by hand. */
const startGrouping = () => {
  const sent: { ids: string[]; answer: (stored: string[]) => void; fail: (error: Error) => void }[] = []
  const store = grouping<Item, true>(
    (items) =>
      new Promise((resolve, reject) => {
        const ids = items.map(({ id }) => id)
        sent.push({ ids, answer: (stored) => resolve(new Map(stored.map((id) => [id, true]))), fail: reject })
      }),
  )
  return { store: (id: string) => store({ id }), sent }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('what is asked in one turn is sent as one, and each caller learns of its own', async (t) => {
  const { store, sent } = startGrouping()
  const outcomes = Promise.all([store('a'), store('b'), store('c')])
  await turn()
  t.same(
    sent.map(({ ids }) => ids),
    [['a', 'b', 'c']],
  )
  sent[0]?.answer(['a', 'c'])
  t.same(await outcomes, [true, undefined, true])
})

t.test('what comes while a group is on its way is the next group', async (t) => {
  const { store, sent } = startGrouping()
  const first = store('a')
  await turn()
  const second = store('b')
  await turn()
  const third = store('c')
  await turn()
  t.same(
    sent.map(({ ids }) => ids),
    [['a']],
  )
  sent[0]?.answer(['a'])
  t.equal(await first, true)
  await turn()
  t.same(sent[1]?.ids, ['b', 'c'])
  sent[1]?.answer(['b', 'c'])
  t.same(await Promise.all([second, third]), [true, true])
})

t.test('a group that fails fails its callers, and no others', async (t) => {
  const { store, sent } = startGrouping()
  const failing = t.rejects(store('a'), { message: 'away' })
  await turn()
  sent[0]?.fail(new Error('away'))
  await failing
  const after = store('b')
  await turn()
  sent[1]?.answer(['b'])
  t.equal(await after, true)
})
