import t from 'tap'
import { findAccountWithPassword } from '../../src/passwords/store.ts'
import { verifyStoredPassword } from '../../src/passwords/verify-stored-password.ts'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'

const skip = onBothEngines()

const SET_HASH = { name: 'test_set_hash', text: 'UPDATE accounts SET password_hash = $2 WHERE id = $1' }

/** Verifies `PASSWORD`, and stores `next` while its hash is being computed. */
const verifyWhile = async ({ deps }: TestApp, accountId: string, next: string | null) => {
  const found = await findAccountWithPassword(deps, accountId)
  let calls = 0
  const passwords = {
    ...deps.passwords,
    async verify(stored: string, password: string) {
      calls += 1
      const ok = await deps.passwords.verify(stored, password)
      if (calls === 1) await deps.postgres.query(SET_HASH, [accountId, next])
      return ok
    },
  }
  return verifyStoredPassword({ ...deps, passwords }, found, PASSWORD)
}

t.test('a password is that of the account once its hash has been computed', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { passwords } = postern.deps

  const changed = await postern.createAccount()
  t.equal(await verifyWhile(postern, changed.id, await passwords.hash('quod erat demonstrandum')), null)
  const taken = await postern.createAccount()
  t.equal(await verifyWhile(postern, taken.id, null), null)

  const { id } = await postern.createAccount()
  const anew = await passwords.hash(PASSWORD)
  t.match(await verifyWhile(postern, id, anew), { account: { id }, passwordHash: anew }, 'hashed anew')
})
