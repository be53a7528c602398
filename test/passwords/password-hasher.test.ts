import { availableParallelism } from 'node:os'
import t from 'tap'
import { AuthError } from '../../src/errors.ts'
import { createPasswordHasher } from '../../src/passwords/password-hasher.ts'

/** bcrypt at cost 14: about a second of one core. */
const SLOW = '$2b$14$abcdefghijklmnopqrstuu8UEZ3cSDZOk8DX8uWk/OVAJkAM22M0K'
const FAST = '$2b$04$abcdefghijklmnopqrstuu8UEZ3cSDZOk8DX8uWk/OVAJkAM22M0K'

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'looked at',
    (error: unknown) => (error instanceof AuthError ? error.code : `${error}`),
  )

t.test('a password that has waited for more than a second is not checked any more', async (t) => {
  const passwords = createPasswordHasher()
  t.teardown(() => passwords.close())
  const ahead = Array.from({ length: 2 * availableParallelism() }, () =>
    codeOf(passwords.verify(SLOW, 'wrong')),
  )
  t.equal(await codeOf(passwords.verify(FAST, 'wrong')), 'temporarily_unavailable')
  t.equal(await ahead[0], 'looked at')
  await Promise.all(ahead)
  t.equal(await codeOf(passwords.verify(FAST, 'wrong')), 'looked at', 'and the next one is')
})

t.test('while the queue is full, everyone else is refused at once', async (t) => {
  const passwords = createPasswordHasher()
  t.teardown(() => passwords.close())
  passwords.requireRoom()
  const waiting = Array.from({ length: 64 + availableParallelism() }, () =>
    codeOf(passwords.verify(FAST, 'wrong')),
  )
  t.throws(() => passwords.requireRoom(), { code: 'temporarily_unavailable', details: { retry_after: 2 } })
  await Promise.all(waiting)
  t.doesNotThrow(() => passwords.requireRoom())
})
