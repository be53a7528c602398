import { accountTag, hashToken } from '../../encryption/opaque-token.ts'
import type { AttemptBudgets, BudgetTaken, Counters } from '../ephemeral.ts'
import type { AskingRedis, RedisKeys } from './scripts.ts'

type TakeReply = ['taken', remaining: number, sessionEpoch: number] | ['locked', untilMs: number]

const budgetTaken = (reply: TakeReply): BudgetTaken =>
  reply[0] === 'taken'
    ? { kind: reply[0], remaining: reply[1], sessionEpoch: reply[2] }
    : { kind: reply[0], untilMs: reply[1] }

type ReadReply = [lockedUntilMs: number, sessionEpoch: number, challengeEpoch: number, accountVersion: string]

export const redisBudgets = (
  { client, ask, run }: AskingRedis,
  { keys, newVersion }: { keys: RedisKeys; newVersion: () => string },
): AttemptBudgets => {
  const account = (accountId: string) => keys.account(accountTag(accountId))
  return {
    async take(accountId, { maxFailedAttempts, lockoutSeconds }, nowMs) {
      const args = [nowMs, maxFailedAttempts, lockoutSeconds * 1000]
      return budgetTaken(await run<TakeReply>('takeFromBudget', [account(accountId)], args))
    },
    async giveBack(accountId, { maxFailedAttempts }) {
      await run('giveBackToBudget', [account(accountId)], [maxFailedAttempts])
    },
    async clear(accountId) {
      await ask(() => client.hdel(account(accountId), 'f', 'l'))
    },
    async read(accountId, nowMs) {
      const reply = await run<ReadReply>('readAccount', [account(accountId)], [nowMs, newVersion()])
      const [lockedUntilMs, sessionEpoch, challengeEpoch, accountVersion] = reply
      const locked = lockedUntilMs > nowMs
      return { lockedUntilMs: locked ? lockedUntilMs : null, sessionEpoch, challengeEpoch, accountVersion }
    },
  }
}

export const redisCounters = ({ client, ask, run }: AskingRedis, keys: RedisKeys): Counters => {
  // Hashed, because names contain user names and addresses, which a dump of the keys must not show.
  const counter = (name: string) => keys.counter(hashToken(name))
  return {
    async increment(name, windowMs, nowMs) {
      const reply = await run<[number, number]>('incrementCounter', [counter(name)], [nowMs, windowMs])
      return { count: reply[0], resetsInMs: reply[1] }
    },
    async decrement(name, nowMs) {
      await run('decrementCounter', [counter(name)], [nowMs])
    },
    async reset(name) {
      await ask(() => client.del(counter(name)))
    },
  }
}
