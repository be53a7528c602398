import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { openAccounts } from '../../src/accounts/account-cache.ts'
import { sqlThrough } from '../../src/postgres/pool.ts'
import type { TestApp } from '../support/app.ts'
import { openTestApp } from '../support/app.ts'
import { onBothEngines, testOnServers } from '../support/embedded.ts'
import { holdStatement } from '../support/hold-statement.ts'
import { watchStatements } from '../support/watch-statements.ts'

const skip = onBothEngines()

/** Longer than an account that was changed is read without being kept. */
const SETTLED_SECONDS = 30

const FIND = 'find_account_with_factors'

const me = (postern: TestApp, bearer: string) => postern.request('GET', '/v1/me', { bearer })

const renew = async (postern: TestApp, refreshToken: string) =>
  postern.request('POST', '/oauth2/token', {
    form: { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'postern' },
  })

t.test('accounts that a replica has read', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const statements = watchStatements(postern)

  t.test('are not read again by session checks and renewals', async (t) => {
    const tokens = await postern.signIn(await postern.createAccount())
    const first = await renew(postern, tokens.refresh_token)
    t.equal(first.status, 200)
    statements.take()
    const second = await renew(postern, first.body.refresh_token)
    t.equal(second.status, 200)
    t.equal((await me(postern, second.body.access_token)).status, 200)
    t.equal((await me(postern, tokens.access_token)).status, 200)
    t.same(statements.take(), [])
    postern.advance(3600)
    const third = await renew(postern, second.body.refresh_token)
    t.equal(third.status, 400, 'its session has ended')
    t.match(statements.take(), ['record_event'])
  })

  t.test('are read each time by an administrator’s requests', async (t) => {
    const account = await postern.createAccount({ roles: ['admin'] })
    const { access_token: bearer } = await postern.signIn(account, await postern.enrollTotp(account))
    const ask = () => postern.request('GET', '/v1/admin/policy', { bearer })
    for (const _ of [1, 2]) {
      statements.take()
      t.equal((await ask()).status, 200)
      t.ok(statements.take().includes('find_account'))
    }
  })

  t.test('are read once by all who ask at once', async (t) => {
    const { access_token: bearer } = await postern.signIn(await postern.createAccount())
    statements.take()
    const answers = await Promise.all(Array.from({ length: 20 }, () => me(postern, bearer)))
    t.ok(answers.every(({ status }) => status === 200))
    t.equal(statements.take().filter((name) => name === FIND).length, 1)
  })

  t.test('are read each time while they are being changed, and kept again after that', async (t) => {
    const { access_token: bearer } = await postern.signIn(await postern.createAccount())
    const rename = (name: string) =>
      postern.request('PATCH', '/v1/me', { bearer, body: { display_name: name } })
    t.equal((await rename('Ada')).body.display_name, 'Ada', 'the change is answered')
    statements.take()
    for (let i = 0; i < 3; i += 1) {
      t.equal((await me(postern, bearer)).body.display_name, 'Ada')
      t.same(statements.take(), [FIND])
    }
    postern.advance(SETTLED_SECONDS)
    t.equal((await me(postern, bearer)).body.display_name, 'Ada')
    t.same(statements.take(), [FIND])
    t.equal((await me(postern, bearer)).body.display_name, 'Ada')
    t.same(statements.take(), [])
  })

  t.test('are read anew where Redis has come back', async (t) => {
    const { access_token: bearer } = await postern.signIn(await postern.createAccount())
    await me(postern, bearer)
    statements.take()
    postern.deps.accounts.forgetAll()
    await me(postern, bearer)
    t.same(statements.take(), [FIND])
  })

  t.test('are not kept where reading them fails', async (t) => {
    const { access_token: bearer } = await postern.signIn(await postern.createAccount())
    const { query } = postern.deps.postgres
    postern.deps.postgres.query = () => Promise.reject(new Error('no answer'))
    t.equal((await me(postern, bearer)).status, 500)
    postern.deps.postgres.query = query
    t.equal((await me(postern, bearer)).status, 200)
  })

  t.test('are not read again to compare the next code with', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const read: boolean[] = []
    for (let i = 0; i < 3; i += 1) {
      const { challenge_token } = (await postern.logIn(account)).body
      statements.take()
      const body = { challenge_token, method: 'totp', code: totp.code() }
      t.equal((await postern.request('POST', '/v1/challenges/verify', { body })).status, 200)
      read.push(statements.take().includes(FIND))
      postern.advance(30)
    }
    t.same(read, [true, false, false])
  })

  t.test('are not kept where there is none', async (t) => {
    const { accounts } = postern.deps
    const id = uuidv7()
    t.equal(await accounts.find(id, 'a version'), null)
    statements.take()
    t.equal(await accounts.find(id, 'a version'), null)
    t.same(statements.take(), [FIND])
  })

  t.test('are forgotten with the subjects of clients', async (t) => {
    const { accounts } = postern.deps
    const client = await postern.createClient({ scopes: ['challenges', 'openid'] })
    const { body } = await postern.request('POST', '/v1/challenges', {
      basic: client,
      body: { subject: 'ada' },
    })
    const find = () => accounts.findSubjectId(client.clientId, 'ada')
    t.equal(await find(), body.sub)
    statements.take()
    t.equal(await find(), body.sub)
    t.same(statements.take(), [])
    accounts.forgetAll()
    t.equal(await find(), body.sub)
    t.same(statements.take(), ['find_subject'])
  })

  t.test('are kept where only an earlier read of them fails', async (t) => {
    const { id } = await postern.createAccount()
    const { promise: failed, reject: fail } = Promise.withResolvers<never>()
    let reads = 0
    const accounts = openAccounts({
      postgres: sqlThrough((statement, values) => {
        reads += 1
        return reads === 1 ? failed : postern.deps.postgres.query(statement, values)
      }),
    })
    const first = accounts.find(id, 'a version')
    accounts.forgetAll()
    t.equal((await accounts.find(id, 'a version'))?.account.id, id)
    fail(new Error('no answer'))
    await t.rejects(first, /no answer/)
    t.equal((await accounts.find(id, 'a version'))?.account.id, id)
    t.equal(reads, 2)
  })

  testOnServers(t, 'are not kept where everything was forgotten while they were read', async (t) => {
    const { sub, access_token: bearer } = await postern.signIn(await postern.createAccount())
    const held = holdStatement(postern, 'answer', /DISTINCT t.type/)
    const asking = me(postern, bearer)
    await held.reached
    const rename = { name: 'test_rename', text: `UPDATE accounts SET display_name = 'Ada' WHERE id = $1` }
    await postern.deps.postgres.query(rename, [sub])
    postern.deps.accounts.forgetAll()
    held.release()
    t.equal((await asking).body.display_name, null, 'it began before')
    t.equal((await me(postern, bearer)).body.display_name, 'Ada')
  })
})
