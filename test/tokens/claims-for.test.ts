import t from 'tap'
import type { Account } from '../../src/accounts/account.ts'
import { claimsFor, readClaimsRequest } from '../../src/tokens/claims-for.ts'

const ACCOUNT: Account = {
  id: '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11',
  clientId: null,
  subject: null,
  username: 'ada',
  email: 'ada@example.org',
  displayName: 'Ada Lovelace',
  roles: ['user'],
  status: 'active',
  enrolledAuthenticators: 0,
  claims: { given_name: 'Ada', email_verified: true, phone_number: '+4930', address: { country: 'UK' } },
  createdAt: new Date(0),
  updatedAt: new Date(1_000_500),
}

t.test('each scope asks for its claims', async (t) => {
  const of = (...scopes: string[]) => claimsFor(ACCOUNT, scopes, {}, 'userinfo')
  t.same(of('openid', 'offline_access'), {})
  t.same(of('profile'), {
    given_name: 'Ada',
    name: 'Ada Lovelace',
    preferred_username: 'ada',
    updated_at: 1000,
  })
  t.same(of('email'), { email: 'ada@example.org', email_verified: true })
  t.same(of('phone'), { phone_number: '+4930', phone_number_verified: false })
  t.same(of('address'), { address: { country: 'UK' } })
  t.same(of('roles'), { roles: ['user'] })
})

t.test('the claims parameter asks in its own place, and what is not known is left out', async (t) => {
  const request = { userinfo: ['given_name', 'family_name', 'sub'] }
  t.same(claimsFor(ACCOUNT, ['openid'], request, 'userinfo'), { given_name: 'Ada' })
  t.same(claimsFor(ACCOUNT, ['openid'], request, 'id_token'), {})
  const idToken = { id_token: ['email', 'constructor'] }
  t.same(claimsFor(ACCOUNT, ['openid'], idToken, 'id_token'), { email: 'ada@example.org' })
})

t.test(
  'nobody vouches for an address that is not verified, nor for roles that a client reports',
  async (t) => {
    const subject = { ...ACCOUNT, clientId: 'shop', subject: 's-1', username: null, claims: {} }
    t.same(claimsFor(subject, ['email', 'phone', 'roles'], {}, 'userinfo'), {
      email: 'ada@example.org',
      email_verified: false,
      client_roles: ['user'],
    })
    t.same(claimsFor({ ...subject, email: null }, ['email', 'phone'], {}, 'userinfo'), {})
  },
)

t.test('a stored claims parameter is read, and one without members asks for nothing', async (t) => {
  t.same(readClaimsRequest(null), {})
  t.same(readClaimsRequest('{"id_token":["email"]}'), { id_token: ['email'], userinfo: [] })
  t.same(readClaimsRequest('[]'), { id_token: [], userinfo: [] })
})
