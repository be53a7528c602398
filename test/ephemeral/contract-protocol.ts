import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { Ephemeral } from '../../src/ephemeral/ephemeral.ts'
import { NOW_MS, parallel, pushedOf } from './fixtures.ts'

export const pushedRequestContract = (t: Test, ephemeral: () => Ephemeral): void => {
  const open = async (ttlSeconds = 60) => {
    const token = randomUUID()
    const record = pushedOf({ jkt: 'a-thumbprint' })
    await ephemeral().pushedRequests.open(token, { record, ttlSeconds, nowMs: NOW_MS })
    return { token, record }
  }
  const find = (token: string, browser: string | null, nowMs = NOW_MS) =>
    ephemeral().pushedRequests.find(token, browser, 600, nowMs)

  t.test('a pushed request is read as it was pushed, and gone with its life', async (t) => {
    const { token, record } = await open()
    t.same(await find(token, null), record)
    t.same(await find(token, null, NOW_MS + 59_999), record, 'what is no browser does not keep it')
    t.equal(await find(token, null, NOW_MS + 60_000), null)
    t.equal(await find(token, 'a-browser', NOW_MS + 60_000), null)
    t.equal(await ephemeral().pushedRequests.take(token, NOW_MS + 60_000), null)
    t.equal(await find(randomUUID(), 'a-browser'), null, 'nor one that never was')
  })

  t.test(
    'the browser that uses a pushed request first has it, and for as long as a sign-in takes',
    async (t) => {
      const { token, record } = await open()
      t.same(await find(token, 'a-browser'), record)
      t.same(await find(token, 'a-browser', NOW_MS + 599_999), record, 'reloaded')
      t.equal(await find(token, 'another'), null)
      t.equal(await find(token, null), null)
      t.equal(await find(token, 'a-browser', NOW_MS + 600_000), null, 'its first use alone begins that time')
      const long = await open(3600)
      t.same(await find(long.token, 'a-browser'), long.record)
      t.same(await find(long.token, 'a-browser', NOW_MS + 3_599_999), long.record, 'which takes nothing away')
    },
  )

  t.test('of 50 browsers at once exactly one has a pushed request', async (t) => {
    const { token } = await open()
    const found = await parallel(50, (i) => find(token, `browser-${i}`))
    t.equal(found.filter(Boolean).length, 1)
  })

  t.test('50 take a pushed request at once: one gets it, and it is gone', async (t) => {
    const { token, record } = await open()
    await find(token, 'a-browser')
    const taken = await parallel(50, () => ephemeral().pushedRequests.take(token, NOW_MS))
    t.same(taken.filter(Boolean), [record])
    t.equal(await find(token, 'a-browser'), null)
  })
}

export const replayContract = (t: Test, ephemeral: () => Ephemeral): void => {
  t.test('of 50 uses of a name at once exactly one is the first, until its time has gone', async (t) => {
    const name = `assertion of a client|${randomUUID()}`
    const use = (nowMs = NOW_MS) => ephemeral().replays.firstUse(name, 60_000, nowMs)
    t.equal((await parallel(50, () => use())).filter(Boolean).length, 1)
    t.equal(await use(NOW_MS + 59_999), false)
    const later = await parallel(50, () => use(NOW_MS + 60_000))
    t.equal(later.filter(Boolean).length, 1)
    t.equal(await ephemeral().replays.firstUse(`${name}!`, 60_000, NOW_MS), true, 'another name')
  })
}
