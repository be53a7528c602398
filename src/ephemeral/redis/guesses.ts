import { accountTag } from '../../encryption/opaque-token.ts'
import type { PasswordGuesses } from '../ephemeral.ts'
import { networkHash } from '../stored-names.ts'
import type { AskingRedis, RedisKeys } from './scripts.ts'

type TakeReply = [
  lane: string,
  closedUntilMs: number,
  closesUntilMs: number,
  lockedUntilMs: number,
  sessionEpoch: number,
  challengeEpoch: number,
]

export const redisGuesses = ({ client, ask, run }: AskingRedis, keys: RedisKeys): PasswordGuesses => ({
  async take(subject, { network, othersClosedUntilMs }, { limit, firstWaitMs }, nowMs) {
    const tag = accountTag(subject)
    const from = [networkHash(subject, network), othersClosedUntilMs ?? 0]
    const args = [nowMs, limit, firstWaitMs, ...from]
    const at = [keys.guesses(tag), keys.account(tag)]
    const [lane, closedUntilMs, closesUntilMs, ...account] = await run<TakeReply>('takeGuess', at, args)
    const [lockedUntilMs, sessionEpoch, challengeEpoch] = account
    return {
      lane,
      closedUntilMs: closedUntilMs > 0 ? closedUntilMs : null,
      closesUntilMs: closesUntilMs > 0 ? closesUntilMs : null,
      state: { lockedUntilMs: lockedUntilMs > nowMs ? lockedUntilMs : null, sessionEpoch, challengeEpoch },
    }
  },
  giveBack(subject, { lane, count, closesUntilMs }, nowMs) {
    const args = [nowMs, lane, count, closesUntilMs ?? 0]
    return run<number>('giveBackGuesses', [keys.guesses(accountTag(subject))], args)
  },
  async forget(subject) {
    await ask(() => client.del(keys.guesses(accountTag(subject))))
  },
})
