import t from 'tap'
import { openTestApp } from '../../support/app.ts'
import { onBothEngines } from '../../support/embedded.ts'
import { begin } from '../../support/enrollment.ts'

const skip = onBothEngines()

t.test('renaming an authenticator', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const { access_token: bearer } = await postern.signIn(account, totp)
  const rename = (id: string, body: unknown) =>
    postern.request('PATCH', `/v1/me/authenticators/${id}`, { bearer, body })

  t.test('shows it by its new name, in the list too, and is recorded', async (t) => {
    const renamed = await rename(totp.authenticatorId, { name: 'Büro-Telefon 📱' })
    t.equal(renamed.status, 200, renamed.text)
    t.match(renamed.body, { id: totp.authenticatorId, name: 'Büro-Telefon 📱', status: 'active' })
    const { body } = await postern.request('GET', '/v1/me/authenticators', { bearer })
    t.same(body.items, [renamed.body])
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'authenticator.renamed' })
    t.match(event?.details, { authenticator_id: totp.authenticatorId })
    t.notMatch(JSON.stringify(event), /Telefon/, 'the name is the account’s own business')
  })

  t.test('refuses malformed names, and authenticators of other accounts', async (t) => {
    for (const name of ['', 'a'.repeat(65), 'line\nbreak', '\u0000', '\ud800', 7, null]) {
      t.equal((await rename(totp.authenticatorId, { name })).status, 400, JSON.stringify(name))
    }
    t.equal((await rename(totp.authenticatorId, { name: 'Phone', status: 'active' })).status, 400)
    const other = await postern.enrollTotp(await postern.createAccount())
    t.equal((await rename(other.authenticatorId, { name: 'Mine' })).status, 404)
    t.equal((await rename(account.id, { name: 'Mine' })).status, 404)
    const { body } = await postern.request('GET', '/v1/me/authenticators', { bearer })
    t.equal(body.items[0].name, 'Büro-Telefon 📱')
  })

  t.test('does not find what has expired before it was confirmed', async (t) => {
    const pending = await begin(postern, bearer)
    postern.advance(890)
    const fresh = (await postern.signIn(account, totp)).access_token
    const change = { bearer: fresh, body: { name: 'Too late' } }
    t.equal((await postern.request('PATCH', `/v1/me/authenticators/${pending.id}`, change)).status, 404)
  })
})
