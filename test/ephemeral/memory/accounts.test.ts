// How long memory keeps what it has of an account; in Redis: ../redis/keys.test.ts.
import t from 'tap'
import { accountTag } from '../../../src/encryption/opaque-token.ts'
import { memoryAccounts } from '../../../src/ephemeral/memory/accounts.ts'
import { LIMITS, NOW_MS, newAccountId } from '../fixtures.ts'

const DAY_MS = 24 * 60 * 60 * 1000

const open = () => {
  let time = 0
  const accounts = memoryAccounts(() => time)
  const tag = accountTag(newAccountId())
  return {
    accounts,
    tag,
    isKept: () => accounts.read(tag).version !== null,
    advance: (ms: number) => {
      time += ms
    },
  }
}

t.test('a version alone is kept for a day, from when it was made or raised', async (t) => {
  const { accounts, tag, isKept, advance } = open()
  const first = accounts.versionOf(tag, NOW_MS)
  advance(DAY_MS - 1)
  t.equal(accounts.versionOf(tag, NOW_MS), first)
  advance(1)
  t.notOk(isKept())
  accounts.raiseVersion(tag, 0)
  advance(DAY_MS - 1)
  accounts.clear(tag)
  t.ok(isKept())
  accounts.raiseVersion(tag, 0)
  advance(DAY_MS - 1)
  t.ok(isKept())
  advance(1)
  t.notOk(isKept())
})

t.test(
  'what else is kept of its account is kept for thirty days, and a raise changes nothing of that',
  async (t) => {
    const { accounts, tag, advance } = open()
    accounts.take(tag, LIMITS, NOW_MS)
    advance(2 * DAY_MS)
    accounts.raiseVersion(tag, 0)
    advance(28 * DAY_MS - 1)
    t.equal(accounts.read(tag).failures, 1)
    accounts.raiseVersion(tag, 0)
    advance(DAY_MS - 1)
    t.ok(accounts.read(tag).version, 'nor is a version kept for less than a day')
    advance(1)
    t.notOk(accounts.read(tag).version)
  },
)
