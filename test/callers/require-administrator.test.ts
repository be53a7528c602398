import t from 'tap'
import { findAccount } from '../../src/accounts/store.ts'
import { accountTag } from '../../src/encryption/opaque-token.ts'
import { newSession } from '../../src/sessions/new-session.ts'
import { mintTokens } from '../../src/tokens/mint-tokens.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { lockAccount } from '../support/lock.ts'

const skip = onBothEngines()

const ask = ({ request }: TestApp, bearer: string, ip = '203.0.113.1') =>
  request('GET', '/v1/admin/accounts', { bearer, ip })

const signInAs = async (postern: TestApp, roles: string[]) => {
  const account = await postern.createAccount({ roles })
  const totp = await postern.enrollTotp(account)
  return { account, totp, tokens: await postern.signIn(account, totp) }
}

const refusals = async (postern: TestApp) =>
  (await postern.auditEvents({ event: 'access.refused' })).map(({ account_id, details }) => [
    account_id,
    details.reason,
  ])

const CHANGE = {
  name: 'test_change_account',
  text: `UPDATE accounts SET roles = COALESCE($2, roles), status = COALESCE($3, status) WHERE id = $1`,
}

t.test('an administrator with a second factor is admitted', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { tokens } = await signInAs(postern, ['admin'])
  const answer = await ask(postern, tokens.access_token)
  t.equal(answer.status, 200, answer.text)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.same(await refusals(postern), [])
})

t.test('without a token everyone is refused, and does not learn what a route takes', { skip }, async (t) => {
  const postern = await openTestApp(t)
  t.match(await ask(postern, 'not-a-token'), { status: 401, body: { error: 'invalid_token' } })
  const malformed = await postern.request('POST', '/v1/admin/accounts', { body: { nonsense: true } })
  t.match(malformed, { status: 401, body: { error: 'invalid_token' } })
})

t.test('another role does not administer, whatever its token says', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const user = await signInAs(postern, ['user'])
  t.match(await ask(postern, user.tokens.access_token), { status: 403, body: { error: 'access_denied' } })

  const former = await signInAs(postern, ['admin'])
  await postern.changeByHand(CHANGE, [former.account.id, ['user'], null])
  t.equal((await ask(postern, former.tokens.access_token)).status, 403)
  t.same(await refusals(postern), [
    [user.account.id, 'not_an_administrator'],
    [former.account.id, 'not_an_administrator'],
  ])
})

t.test(
  'a disabled or deleted account does not administer, even if its session is left',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    const disabled = await signInAs(postern, ['admin'])
    await postern.changeByHand(CHANGE, [disabled.account.id, null, 'disabled'])
    t.equal((await ask(postern, disabled.tokens.access_token)).status, 403)

    const deleted = await signInAs(postern, ['admin'])
    const DELETE = { name: 'test_delete', text: 'DELETE FROM accounts WHERE id = $1' }
    await postern.changeByHand(DELETE, [deleted.account.id])
    t.equal((await ask(postern, deleted.tokens.access_token)).status, 403)
    t.same(await refusals(postern), [
      [disabled.account.id, 'account_disabled'],
      [deleted.account.id, 'account_deleted'],
    ])
  },
)

t.test('roles that a client reports of its subjects give no power here', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ required_roles: [] })
  const client = await postern.createClient({ firstParty: true, scopes: ['challenges', 'postern:admin'] })
  const answer = await postern.request('POST', '/v1/challenges', {
    basic: client,
    body: { subject: 'someone', roles: ['admin'] },
  })
  t.equal(answer.body.status, 'authenticated', answer.text)
  t.equal((await ask(postern, answer.body.access_token)).status, 403)
  t.same(await refusals(postern), [[answer.body.sub, 'not_an_administrator']])
})

t.test(
  "administrators are admitted through first-party clients, not through a third party's",
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    const { username, password, id } = await postern.createAccount({ roles: ['admin'] })
    const totp = await postern.enrollTotp({ id })
    const client = await postern.createClient({ firstParty: true, scopes: ['postern:admin'] })
    const opened = await postern.request('POST', '/v1/login', { basic: client, body: { username, password } })
    const passed = await postern.request('POST', '/v1/challenges/verify', {
      basic: client,
      body: { challenge_token: opened.body.challenge_token, method: 'totp', code: totp.code() },
    })
    t.equal((await ask(postern, passed.body.access_token)).status, 200)

    const text = 'UPDATE clients SET first_party = false WHERE client_id = $1'
    await postern.deps.postgres.query({ name: 'test_third_party', text }, [client.clientId])
    postern.deps.clients.forgetAll()
    t.equal((await ask(postern, passed.body.access_token)).status, 403)
    await postern.deps.postgres.query({ text: 'DELETE FROM clients WHERE client_id = $1' }, [client.clientId])
    postern.deps.clients.forgetAll()
    t.equal((await ask(postern, passed.body.access_token)).status, 403, 'nor is one that is gone')
    t.same(await refusals(postern), [
      [id, 'third_party_client'],
      [id, 'third_party_client'],
    ])
  },
)

t.test('a second factor that leaves a session at aal1 is not enough to administer', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { deps, now } = postern
  const { account: created, tokens } = await signInAs(postern, ['admin'])
  const [account, client] = [await findAccount(deps, created.id), await deps.clients.find('postern')]
  const place = { accountTag: accountTag(created.id), sid: tokens.sid, grantId: null }
  const shown = await deps.ephemeral.sessions.touch(place, now().getTime())
  if (!account || !client || !shown) throw new Error('it is signed in')
  const secondFactor = { amr: ['otp'], acr: 'aal1' as const }
  const grounds = { ...shown, account, secondFactor, replaces: null }
  const { session, credentials: refreshToken } = newSession(deps, deps.policy.current(), grounds, now())
  const epochs = await deps.ephemeral.budgets.read(created.id, now().getTime())
  t.ok(await deps.ephemeral.sessions.open(session, epochs, now().getTime()))
  const { accessToken: bearer } = mintTokens(deps, session, { account, client, refreshToken }, now())
  t.match(await ask(postern, bearer), {
    status: 401,
    body: { error: 'insufficient_user_authentication', acr_values: 'aal2' },
  })
})

t.test('a missing second factor is asked for, even while the policy is disabled', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ enabled: false })
  const account = await postern.createAccount({ roles: ['admin'] })
  const { body } = await postern.logIn(account)
  t.equal(body.acr, 'aal1')

  const refused = await ask(postern, body.access_token)
  t.match(refused, {
    status: 401,
    body: { error: 'insufficient_user_authentication', acr_values: 'aal2', max_age: 28_800 },
  })
  // RFC 9470 3.
  t.match(refused.headers['www-authenticate'], /acr_values="aal2", max_age="28800"/)
  t.same(await refusals(postern), [[account.id, 'second_factor_needed']])
})

t.test('a second factor counts for as long as the policy says, and no longer', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ second_factor_max_age: 120 })
  const { account, tokens } = await signInAs(postern, ['admin'])
  postern.advance(119)
  t.equal((await ask(postern, tokens.access_token)).status, 200)
  postern.advance(1)
  t.match(await ask(postern, tokens.access_token), {
    status: 401,
    body: { error: 'insufficient_user_authentication', max_age: 120 },
  })
  t.same(await refusals(postern), [[account.id, 'second_factor_needed']])
})

t.test('administrators act from the networks that the policy names', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { account, tokens } = await signInAs(postern, ['admin'])
  await postern.setPolicy({ admin_networks: ['192.0.2.0/24', '2001:db8::/32'] })
  t.equal((await ask(postern, tokens.access_token, '192.0.2.77')).status, 200)
  t.equal((await ask(postern, tokens.access_token, '2001:db8::1')).status, 200)
  t.match(await ask(postern, tokens.access_token, '203.0.113.1'), {
    status: 403,
    body: { error: 'access_denied' },
  })
  t.same(await refusals(postern), [[account.id, 'network_not_allowed']])
})

t.test('a locked administrator does nothing until the lock has run out', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ lockout: 60 })
  const { account, tokens } = await signInAs(postern, ['admin'])
  await lockAccount(postern, account.id)
  postern.advance(20)

  const bearer = tokens.access_token
  const read = await ask(postern, bearer)
  t.match(read, { status: 429, body: { error: 'account_locked', retry_after: 40 } })
  t.equal(read.headers['retry-after'], '40')
  const change = { bearer, body: { required_for_all: true }, headers: { 'if-match': '*' } }
  t.match(await postern.request('PATCH', '/v1/admin/policy', change), { status: 429 })
  t.equal(postern.deps.policy.current().required_for_all, false)
  t.same(await refusals(postern), [
    [account.id, 'account_locked'],
    [account.id, 'account_locked'],
  ])

  postern.advance(40)
  t.equal((await ask(postern, bearer)).status, 200)
})
