import { accountTag } from '../../encryption/opaque-token.ts'
import type { PasswordGuesses } from '../ephemeral.ts'
import { networkHash } from '../stored-names.ts'
import type { RedisClient } from './connection.ts'
import { askRedis, type RedisKeys, type RunScript } from './scripts.ts'

type TakeReply = [
  lane: string,
  closedUntilMs: number,
  lockedUntilMs: number,
  sessionEpoch: number,
  challengeEpoch: number,
]

export const redisGuesses = (client: RedisClient, run: RunScript, keys: RedisKeys): PasswordGuesses => ({
  async take(subject, { network, othersClosedUntilMs }, { limit, firstWaitMs }, nowMs) {
    const tag = accountTag(subject)
    const from = [networkHash(subject, network), othersClosedUntilMs ?? 0]
    const args = [nowMs, limit, firstWaitMs, ...from]
    const at = [keys.guesses(tag), keys.account(tag)]
    const [lane, closedUntilMs, lockedUntilMs, ...epochs] = await run<TakeReply>('takeGuess', at, args)
    const [sessionEpoch, challengeEpoch] = epochs
    return {
      lane,
      closedUntilMs: closedUntilMs > 0 ? closedUntilMs : null,
      state: { lockedUntilMs: lockedUntilMs > nowMs ? lockedUntilMs : null, sessionEpoch, challengeEpoch },
    }
  },
  giveBack(subject, { lane, count }, nowMs) {
    return run<number>('giveBackGuesses', [keys.guesses(accountTag(subject))], [nowMs, lane, count])
  },
  async forget(subject) {
    await askRedis(() => client.del(keys.guesses(accountTag(subject))))
  },
})
