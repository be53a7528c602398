import type { TokenPlace } from '../token-place.ts'

/** Names every key, as in the table of `ephemeral.ts`, after `prefix`. */
export const redisKeys = (prefix: string) => ({
  challenge: ({ tag, hash }: TokenPlace) => `${prefix}ch:{${tag}}:${hash}`,
  enrollment: ({ tag, hash }: TokenPlace) => `${prefix}en:{${tag}}:${hash}`,
  account: (tag: string) => `${prefix}ac:{${tag}}`,
  session: (tag: string, sid: string) => `${prefix}se:{${tag}}:${sid}`,
  /** What the scripts put before a sid of the account's set to make the session's key. */
  sessionPrefix: (tag: string) => `${prefix}se:{${tag}}:`,
  sessionSet: (tag: string) => `${prefix}sx:{${tag}}`,
  guesses: (tag: string) => `${prefix}pw:{${tag}}`,
  counter: (nameHash: string) => `${prefix}ct:{${nameHash}}`,
  changed: `${prefix}changed`,
})

export type RedisKeys = ReturnType<typeof redisKeys>
