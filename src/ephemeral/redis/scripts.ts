// The names of all keys, and the scripts that work on them.

import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { DependencyError } from '../../errors.ts'
import type { TokenPlace } from '../stored-names.ts'
import { type RedisClient, togetherOn } from './connection.ts'

/** Names every key, as in the table of `ephemeral.ts`, after `prefix`. */
export const redisKeys = (prefix: string) => ({
  challenge: ({ tag, hash }: TokenPlace) => `${prefix}ch3:{${tag}}:${hash}`,
  enrollment: ({ tag, hash }: TokenPlace) => `${prefix}en2:{${tag}}:${hash}`,
  code: ({ tag, hash }: TokenPlace) => `${prefix}co1:{${tag}}:${hash}`,
  account: (tag: string) => `${prefix}ac:{${tag}}`,
  session: (tag: string, sid: string) => `${prefix}se3:{${tag}}:${sid}`,
  /** What the scripts put before a sid of the account's set to make the session's key. */
  sessionPrefix: (tag: string) => `${prefix}se3:{${tag}}:`,
  sessionSet: (tag: string) => `${prefix}sx3:{${tag}}`,
  guesses: (tag: string) => `${prefix}pw:{${tag}}`,
  counter: (nameHash: string) => `${prefix}ct:{${nameHash}}`,
  pushedRequest: (tokenHash: string) => `${prefix}pr1:{${tokenHash}}`,
  usedOnce: (nameHash: string) => `${prefix}ju1:{${nameHash}}`,
  changed: `${prefix}changed`,
})

export type RedisKeys = ReturnType<typeof redisKeys>

const read = (name: string): string => readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8')

const script = (name: string, ...fragments: string[]) => {
  const lua = [...fragments.map((fragment) => `fragment-${fragment}`), name].map(read).join('\n')
  return { lua, sha: hash('sha1', lua) }
}

export const SCRIPTS = {
  openPending: script('open-pending', 'account'),
  findPending: script('find-pending', 'account', 'pending'),
  cancelPending: script('cancel-pending', 'account', 'pending'),
  takeAttempt: script('take-attempt', 'account', 'pending'),
  giveBackAttempt: script('give-back-attempt', 'account', 'pending'),
  pass: script('pass', 'account', 'pending', 'session', 'grant', 'opening'),
  raiseChallengeEpoch: script('raise-challenge-epoch', 'account'),
  raiseAccountVersion: script('raise-account-version', 'account'),
  readAccount: script('read-account', 'account'),
  takeFromBudget: script('take-from-budget', 'account'),
  giveBackToBudget: script('give-back-to-budget', 'account'),
  openSession: script('open-session', 'account', 'session', 'grant', 'opening'),
  touchSession: script('touch-session', 'account', 'session', 'grant'),
  rotateRefresh: script('rotate-refresh', 'account', 'session', 'grant'),
  restoreRefresh: script('restore-refresh', 'account', 'session', 'grant'),
  listSessions: script('list-sessions', 'account', 'session'),
  endSession: script('end-session', 'account', 'session'),
  endAllSessions: script('end-all-sessions', 'account', 'session'),
  listParticipants: script('list-participants', 'account', 'session'),
  endGrant: script('end-grant', 'account', 'session', 'grant'),
  endGrantsOfClient: script('end-grants-of-client', 'account', 'session', 'grant'),
  openCode: script('open-code', 'account', 'session', 'code'),
  redeemCode: script('redeem-code', 'account', 'session', 'grant', 'code'),
  takeGuess: script('take-guess', 'account', 'guesses'),
  giveBackGuesses: script('give-back-guesses', 'guesses'),
  incrementCounter: script('increment-counter'),
  decrementCounter: script('decrement-counter'),
  findPushedRequest: script('find-pushed-request'),
  takePushedRequest: script('take-pushed-request'),
  useOnce: script('use-once'),
} as const

/** Runs one script; `Reply` is the result that the comment in its file states. */
export type RunScript = <Reply>(
  name: keyof typeof SCRIPTS,
  keys: string[],
  args: (string | number)[],
) => Promise<Reply>

// Short enough for two of them within the two seconds in which Postern answers.
const ANSWER_WITHIN_MS = 800

// The client's errors carry their command and its arguments, which may be the password of Redis. Only the message
// is logged.
const saying = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * Waits for Redis.
 * @throws {DependencyError} Redis is away, refuses, or does not answer in time.
 */
export type AskRedis = <Answer>(ask: () => Promise<Answer>) => Promise<Answer>

export const redisAsker = (client: RedisClient): AskRedis => {
  const sendTogether = togetherOn(client)
  return <Answer>(ask: () => Promise<Answer>) =>
    new Promise<Answer>((resolve, reject) => {
      const fail = (error: unknown) => reject(new DependencyError('redis', saying(error)))
      const timer = setTimeout(() => fail(`no answer within ${ANSWER_WITHIN_MS} ms`), ANSWER_WITHIN_MS)
      const failNow = (error: unknown) => {
        clearTimeout(timer)
        fail(error)
      }
      try {
        sendTogether()
        ask().then((answer) => {
          clearTimeout(timer)
          resolve(answer)
        }, failNow)
      } catch (error) {
        // The client throws, rather than rejects, where no node of the cluster serves a slot.
        failNow(error)
      }
    })
}

const isScriptMissing = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('NOSCRIPT')

/** What asks Redis: one command, or one script. */
export type AskingRedis = { client: RedisClient; ask: AskRedis; run: RunScript }

/** Runs scripts by their hash, and sends the text where the server does not know the hash (any more). */
export const scriptRunner = (client: RedisClient, ask: AskRedis): RunScript => {
  const evaluate = async (name: keyof typeof SCRIPTS, keys: string[], args: (string | number)[]) => {
    const { sha, lua } = SCRIPTS[name]
    try {
      return await client.evalsha(sha, keys.length, ...keys, ...args)
    } catch (error) {
      if (!isScriptMissing(error)) throw error
      return await client.eval(lua, keys.length, ...keys, ...args)
    }
  }
  // The shape of a reply is known only from the comment in the script's file.
  return <Reply>(name: keyof typeof SCRIPTS, keys: string[], args: (string | number)[]) =>
    ask(() => evaluate(name, keys, args) as Promise<Reply>)
}
