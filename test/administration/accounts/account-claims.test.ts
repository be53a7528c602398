import { decodeJwt } from 'jose'
import t from 'tap'
import { signInAdministrator } from '../../support/administrator.ts'
import { openTestApp } from '../../support/app.ts'
import { onBothEngines } from '../../support/embedded.ts'

const skip = onBothEngines()

const ALL = {
  given_name: 'Ada',
  family_name: 'Lovelace',
  middle_name: 'King',
  nickname: 'Countess',
  profile: 'https://example.org/ada',
  picture: 'https://example.org/ada.png',
  website: 'https://ada.example',
  gender: 'female',
  birthdate: '1815-12-10',
  zoneinfo: 'Europe/London',
  locale: 'en-GB',
  phone_number: '+442071838750',
  phone_number_verified: true,
  email_verified: true,
  address: {
    formatted: '12 St James’s Square\nLondon',
    street_address: '12 St James’s Square',
    locality: 'London',
    region: 'Greater London',
    postal_code: 'SW1Y 4LB',
    country: 'UK',
  },
}

t.test('the standard claims of an account', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { bearer, accountId } = await signInAdministrator(postern)
  const patch = (id: string, body: object) =>
    postern.request('PATCH', `/v1/admin/accounts/${id}`, { bearer, body })
  const create = async (claims?: object) => {
    const username = `ada-${Math.random().toString(36).slice(2)}`
    const password = 'a password of some length'
    const email = `${username}@example.org`
    const body = { username, password, email, ...(claims && { claims }) }
    return (await postern.request('POST', '/v1/admin/accounts', { bearer, body })).body
  }

  t.test('are given at its creation, and shown', async (t) => {
    t.same((await create()).claims, {})
    const created = await create(ALL)
    t.same(created.claims, ALL)
    const answer = await postern.request('GET', `/v1/admin/accounts/${created.id}`, { bearer })
    t.same(answer.body.claims, ALL)
  })

  t.test('change one by one; null takes one away; who changed which is recorded', async (t) => {
    const { id } = await create({ given_name: 'Ada', nickname: 'Countess' })
    const { body } = await patch(id, { claims: { nickname: null, locale: 'en-GB', given_name: 'Ada' } })
    t.same(body.claims, { given_name: 'Ada', locale: 'en-GB' })
    const [event] = await postern.auditEvents({ event: 'account.changed', accountId: id })
    t.match(event, { actor_id: accountId, details: { changed: { claims: ['nickname', 'locale'] } } })
    t.notMatch(JSON.stringify(event), 'en-GB')
    const before = (await postern.auditEvents({ event: 'account.changed' })).length
    await patch(id, { claims: { nickname: null, locale: 'en-GB' } })
    t.equal((await postern.auditEvents({ event: 'account.changed' })).length, before, 'no change is none')
  })

  t.test('an address or a number that changes is not verified any more', async (t) => {
    const { id, username } = await create(ALL)
    const same = await patch(id, {
      email: `${username}@example.org`,
      claims: { phone_number: ALL.phone_number },
    })
    t.match(same.body.claims, { email_verified: true, phone_number_verified: true })
    const changed = await patch(id, {
      email: `${username}@example.com`,
      claims: { phone_number: '+4930123456' },
    })
    t.notOk('email_verified' in changed.body.claims)
    t.notOk('phone_number_verified' in changed.body.claims)
    const verified = { email_verified: true, phone_number: '+49301', phone_number_verified: true }
    const both = await patch(id, { email: `${username}@example.net`, claims: verified })
    t.match(both.body.claims, verified)
  })

  t.test('are refused where they are none, and nothing is stored', async (t) => {
    const { id } = await create()
    for (const claims of [
      { unknown: 'x' },
      { sub: 'x' },
      { email: 'x@example.org' },
      { given_name: '' },
      { given_name: 'x'.repeat(129) },
      { given_name: 'a\u0000b' },
      { picture: 'javascript:alert(1)' },
      { birthdate: '10.12.1815' },
      { birthdate: '1815-13-01' },
      { zoneinfo: 'at home' },
      { locale: 'English, please' },
      { phone_number: '020 7183 8750' },
      { email_verified: 'true' },
      { address: 'London' },
      { address: { planet: 'Earth' } },
      [],
      null,
    ]) {
      t.equal((await patch(id, { claims })).status, 400, JSON.stringify(claims))
    }
    t.same((await postern.request('GET', `/v1/admin/accounts/${id}`, { bearer })).body.claims, {})
  })

  t.test(
    'are shown to the account itself, at once after a change, and said in ID tokens by scope',
    async (t) => {
      const account = await postern.createAccount({ email: 'countess@example.org', claims: ALL })
      const tokens = await postern.signIn(account)
      t.same((await postern.request('GET', '/v1/me', { bearer: tokens.access_token })).body.claims, ALL)
      const claims = decodeJwt(tokens.id_token)
      t.match(claims, { given_name: 'Ada', locale: 'en-GB', email_verified: true, updated_at: Number })
      for (const name of ['address', 'phone_number', 'roles']) t.notOk(name in claims, name)
      await patch(account.id, { claims: { given_name: 'Augusta' } })
      const me = await postern.request('GET', '/v1/me', { bearer: tokens.access_token })
      t.equal(me.body.claims.given_name, 'Augusta')
    },
  )
})
