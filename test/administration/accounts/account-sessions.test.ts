import t from 'tap'
import { signInAdministrator } from '../../support/administrator.ts'
import { openTestApp } from '../../support/app.ts'
import { onBothEngines } from '../../support/embedded.ts'

const skip = onBothEngines()

t.test("an administrator sees an account's sessions, without a token, and ends them", { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { accountId: administrator, bearer } = await signInAdministrator(postern)
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const first = await postern.signIn(account, totp)
  const second = await postern.signIn(account, totp)
  const url = `/v1/admin/accounts/${account.id}/sessions`

  const { status, body, text } = await postern.request('GET', url, { bearer })
  t.equal(status, 200)
  t.equal(body.next_cursor, null)
  t.same(body.items.map(({ id }: { id: string }) => id).sort(), [first.sid, second.sid].sort())
  t.match(
    body.items.find(({ id }: { id: string }) => id === second.sid),
    { client_id: 'postern', acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], ip: '127.0.0.1' },
  )
  t.notMatch(text, /pst_|token/)

  t.equal((await postern.request('DELETE', url, { bearer })).status, 204)
  t.same((await postern.request('GET', url, { bearer })).body.items, [])
  for (const { access_token } of [first, second])
    t.equal((await postern.request('POST', '/v1/logout', { bearer: access_token })).status, 401)
  const [event] = await postern.auditEvents({ event: 'sessions.ended', accountId: account.id })
  t.match(event, {
    actor_type: 'administrator',
    actor_id: administrator,
    details: { reason: 'administrator' },
  })
  t.ok(await postern.signIn(account, totp), 'the account may sign in again')
})

t.test('an unknown account has no sessions to see or end', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { bearer } = await signInAdministrator(postern)
  const url = '/v1/admin/accounts/01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11/sessions'
  for (const method of ['GET', 'DELETE'] as const)
    t.match(await postern.request(method, url, { bearer }), { status: 404, body: { error: 'not_found' } })
  t.same(await postern.auditEvents({ event: 'sessions.ended' }), [])
})
