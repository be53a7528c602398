// Argon2id (RFC 9106) off the event loop, behind a bounded queue: a flood of logins is answered 503, and the other
// routes stay fast. It uses all cores but one.
import { availableParallelism } from 'node:os'
import { type Algorithm, hash } from '@node-rs/argon2'
import PQueue from 'p-queue'
import { AuthError } from '../errors.ts'
import { ARGON2_PARAMETERS, readPasswordHash } from './password-hash.ts'
import { matchPassword } from './password-match.ts'

const OPTIONS = { ...ARGON2_PARAMETERS, algorithm: 2 satisfies Algorithm.Argon2id }

/** How many may wait: half a second's work of one core. */
const MAX_WAITING = 64
/** After a longer wait, on a slow machine, nothing is hashed: the answer would come too late. */
const PATIENCE_MS = 1_000
const RETRY_AFTER_SECONDS = 2

export type PasswordHasher = {
  /** The PHC string of a password. @throws {AuthError} temporarily_unavailable when too many wait, or it has waited too long. */
  hash(password: string): Promise<string>
  /** False too for a hash that cannot be read. @throws {AuthError} temporarily_unavailable when too many wait, or it has waited too long. */
  verify(stored: string, password: string): Promise<boolean>
  /**
   * Called before any other work is done for a password.
   * @throws {AuthError} temporarily_unavailable while the queue is full
   */
  requireRoom(): void
  /** Waits for what runs. */
  close(): Promise<void>
}

/** NFC, so that a password typed on another system is the same one (NIST SP 800-63B 3.1.1.2). */
const normalize = (password: string): string => password.normalize('NFC')

const tooMany = (): AuthError =>
  new AuthError('temporarily_unavailable', 'Too many sign-ins at once. Try again shortly.', {
    retry_after: RETRY_AFTER_SECONDS,
  })

export const createPasswordHasher = (): PasswordHasher => {
  const queue = new PQueue({ concurrency: Math.max(1, availableParallelism() - 1) })
  const requireRoom = () => {
    if (queue.size >= MAX_WAITING) throw tooMany()
  }
  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    requireRoom()
    const since = performance.now()
    return queue.add(async () => {
      if (performance.now() - since > PATIENCE_MS) throw tooMany()
      return work()
    })
  }
  return {
    hash: async (password) => enqueue(() => hash(normalize(password), OPTIONS)),
    async verify(stored, password) {
      const read = readPasswordHash(stored)
      return read !== null && enqueue(() => matchPassword(normalize(password), read))
    },
    requireRoom,
    close: () => queue.onIdle(),
  }
}
