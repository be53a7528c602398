import t from 'tap'
import { openTestApp, type TestApp } from '../../support/app.ts'
import { onBothEngines, testOnServers } from '../../support/embedded.ts'
import { countByStatus, holdAccount, storedFactors } from '../../support/enrollment.ts'
import { race } from '../../support/race.ts'

const skip = onBothEngines()

const enrolled = async (postern: TestApp) => {
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const { access_token: bearer } = await postern.signIn(account, totp)
  return { account, totp, bearer }
}

const regenerate = (postern: TestApp, bearer: string) =>
  postern.request('POST', '/v1/me/recovery-codes', { bearer })

const count = async (postern: TestApp, bearer: string) =>
  (await postern.request('GET', '/v1/me/recovery-codes', { bearer })).body

const use = async (postern: TestApp, account: Parameters<TestApp['logIn']>[0], code: string) => {
  const { challenge_token } = (await postern.logIn(account)).body
  return postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token, method: 'recovery_code', code },
  })
}

t.test('recovery codes', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('a new set is shown once, counted, and recorded', async (t) => {
    const { account, bearer } = await enrolled(postern)
    t.same(await count(postern, bearer), { remaining: 0, generated_at: null })
    const answer = await regenerate(postern, bearer)
    t.equal(answer.status, 201, answer.text)
    t.equal(answer.headers['cache-control'], 'no-store')
    t.equal(new Set(answer.body.recovery_codes).size, 10)
    t.same(await count(postern, bearer), { remaining: 10, generated_at: postern.now().toISOString() })
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'recovery_codes.generated' })
    t.same(event?.details, { count: 10 })

    const sql = { name: 'test_codes', text: 'SELECT row_to_json(r)::text AS row FROM recovery_codes AS r' }
    const rows = JSON.stringify(await postern.deps.postgres.query(sql))
    for (const code of answer.body.recovery_codes) {
      t.notOk(rows.includes(code))
      t.notOk(rows.includes(Buffer.from(code.replaceAll('-', '')).toString('hex')))
    }
  })

  t.test('one signs in once, typed as people type, and says how many remain', async (t) => {
    const { account, bearer } = await enrolled(postern)
    const [code = ''] = (await regenerate(postern, bearer)).body.recovery_codes
    const passed = await use(postern, account, code.toLowerCase().replaceAll('-', ''))
    t.match(passed, { status: 200, body: { acr: 'aal2', recovery_codes_remaining: 9 } })
    t.equal((await count(postern, bearer)).remaining, 9)
    t.equal((await use(postern, account, code)).body.error, 'invalid_code')
    t.equal((await count(postern, bearer)).remaining, 9)
  })

  t.test('of fifty parallel uses of one code one passes', async (t) => {
    await postern.setPolicy({ max_failed_attempts: 100 })
    t.teardown(() => postern.setPolicy({ max_failed_attempts: 5 }))
    const { subject, outcomes } = await race(postern, 50, {
      prepare: async () => {
        const { account, bearer } = await enrolled(postern)
        const [code = ''] = (await regenerate(postern, bearer)).body.recovery_codes
        const challenges = []
        for (let i = 0; i < 50; i += 1) challenges.push((await postern.logIn(account)).body.challenge_token)
        return { account, bearer, code, challenges }
      },
      attempt: ({ code, challenges }, i) => {
        const body = { challenge_token: challenges[i], method: 'recovery_code', code }
        return postern.request('POST', '/v1/challenges/verify', { body })
      },
    })
    t.same(countByStatus(outcomes), { 200: 1, 401: 49 })
    const { account, bearer } = subject
    t.equal((await count(postern, bearer)).remaining, 9)
    const passed = await postern.auditEvents({ accountId: account.id, event: 'challenge.passed' })
    t.equal(passed.filter(({ details }) => details.method === 'recovery_code').length, 1)
  })

  t.test('a new set makes the old one void, and ends pending challenges', async (t) => {
    const { account, bearer } = await enrolled(postern)
    const [old = ''] = (await regenerate(postern, bearer)).body.recovery_codes
    const body = { challenge_token: (await postern.logIn(account)).body.challenge_token }
    const [fresh = ''] = (await regenerate(postern, bearer)).body.recovery_codes
    t.equal((await postern.request('POST', '/v1/challenges/cancel', { body })).status, 401)
    t.equal((await use(postern, account, old)).body.error, 'invalid_code')
    t.equal((await use(postern, account, fresh)).status, 200)
  })

  testOnServers(t, 'of two new sets at once one is kept', async (t) => {
    const { account, bearer } = await enrolled(postern)
    await regenerate(postern, bearer)
    const held = await holdAccount(t, postern, account)
    const answers = Promise.all([regenerate(postern, bearer), regenerate(postern, bearer)])
    await held.untilWaiting(2)
    await held.release()
    t.same(countByStatus(await answers), { 201: 2 })
    t.equal((await storedFactors(postern, account)).recoveryCodes, 10)
  })

  t.test('an account without an authenticator has none and gets none', async (t) => {
    const account = await postern.createAccount()
    const { access_token: bearer } = await postern.signIn(account)
    t.same(await count(postern, bearer), { remaining: 0, generated_at: null })
    const refused = await regenerate(postern, bearer)
    t.match(refused, { status: 409, body: { error: 'conflict' } })
    t.equal((await storedFactors(postern, account)).recoveryCodes, 0)
  })

  testOnServers(t, 'none are made where the last authenticator goes meanwhile', async (t) => {
    const { account, bearer } = await enrolled(postern)
    const held = await holdAccount(t, postern, account)
    const answer = regenerate(postern, bearer)
    await held.untilWaiting(1)
    await held.query('UPDATE accounts SET enrolled_authenticators = 0 WHERE id = $1', [account.id])
    await held.release()
    t.equal((await answer).status, 409)
    t.equal((await storedFactors(postern, account)).recoveryCodes, 0)
  })
})
