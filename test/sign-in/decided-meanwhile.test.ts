// docs/security.md 39: the statement of a sign-in waits for a change that is about to be committed, and holds only
// for the account that the sign-in was decided from.
import t from 'tap'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines, testOnServers } from '../support/embedded.ts'
import { holdAccount } from '../support/enrollment.ts'

const skip = onBothEngines()

const KINDS: Record<string, (postern: TestApp) => ReturnType<TestApp['createAccount']>> = {
  authenticated: (postern) => postern.createAccount(),
  async challenge_required(postern) {
    const account = await postern.createAccount()
    await postern.enrollTotp(account)
    return account
  },
  enrollment_required: (postern) => postern.createAccount({ roles: ['admin'] }),
}

const CHANGES: Record<string, string> = {
  'its roles': `roles = roles || '{viewer}'::text[]`,
  'how many authenticators it has': 'enrolled_authenticators = enrolled_authenticators + 1',
  'its password': `password_hash = password_hash || 'A'`,
  'its status': `status = 'disabled'`,
}

testOnServers(t, 'a sign-in that changes meanwhile', async (t) => {
  const postern = await openTestApp(t)

  for (const [kind, prepare] of Object.entries(KINDS)) {
    t.test(
      `${kind}: is refused whatever has changed of its account, and goes on where nothing has`,
      async (t) => {
        for (const [what, set] of Object.entries(CHANGES)) {
          const account = await prepare(postern)
          const held = await holdAccount(t, postern, account)
          const answer = postern.logIn(account)
          await held.untilWaiting(1)
          await held.query(`UPDATE accounts SET ${set} WHERE id = $1`, [account.id])
          await held.release()
          t.match(await answer, { status: 409, body: { error: 'conflict' } }, what)
          const events = await postern.auditEvents({ accountId: account.id })
          t.match(events.at(-1), {
            event: 'primary_authentication.failed',
            details: { reason: 'changed_meanwhile' },
          })
          t.same(await postern.deps.ephemeral.sessions.list(account.id, postern.now().getTime()), [])
        }
        const account = await prepare(postern)
        const held = await holdAccount(t, postern, account)
        const answer = postern.logIn(account)
        await held.untilWaiting(1)
        await held.release()
        t.match(await answer, { status: 200, body: { status: kind } })
      },
    )
  }
})

const SET_HASH = { text: 'UPDATE accounts SET password_hash = $2 WHERE id = $1' }

t.test('a password that changes while it is compared is no longer right', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const next = await postern.deps.passwords.hash('quod erat demonstrandum')
  const { passwords, postgres } = postern.deps
  const { verify } = passwords
  passwords.verify = async (stored, password) => {
    passwords.verify = verify
    const matches = await verify(stored, password)
    await postgres.query(SET_HASH, [account.id, next])
    return matches
  }
  t.match(await postern.logIn(account), { status: 401, body: { error: 'invalid_credentials' } })
  t.same(await postern.deps.ephemeral.sessions.list(account.id, postern.now().getTime()), [])
})
