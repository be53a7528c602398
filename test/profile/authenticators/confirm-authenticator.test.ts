import t from 'tap'
import { openTestApp, type TestApp } from '../../support/app.ts'
import { onBothEngines, testOnServers } from '../../support/embedded.ts'
import {
  begin,
  confirm,
  countByStatus,
  holdAccount,
  storedFactors,
  wrongCode,
} from '../../support/enrollment.ts'
import { race } from '../../support/race.ts'

const skip = onBothEngines()

/** An account without a second factor, signed in, that has begun to enroll. */
const begun = async (postern: TestApp) => {
  const account = await postern.createAccount()
  const bearer = (await postern.signIn(account)).access_token
  return { account, bearer, pending: await begin(postern, bearer) }
}

/** An account with a second factor, freshly passed, that has begun to enroll another one. */
const begunAnother = async (postern: TestApp) => {
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const bearer = (await postern.signIn(account, totp)).access_token
  return { account, totp, bearer, pending: await begin(postern, bearer) }
}

t.test('confirming an authenticator', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('makes it active, with recovery codes for the first one', async (t) => {
    const { account, bearer, pending } = await begun(postern)
    const confirmed = await confirm(postern, bearer, pending.id, pending.code())
    t.equal(confirmed.status, 200, confirmed.text)
    t.equal(confirmed.headers['cache-control'], 'no-store')
    t.match(confirmed.body.authenticator, { id: pending.id, status: 'active', last_used_at: String })
    t.equal(new Set(confirmed.body.recovery_codes).size, 10)

    const stored = await storedFactors(postern, account)
    t.match(stored, { enrolled: 1, recoveryCodes: 10, authenticators: [{ status: 'active' }] })
    const events = await postern.auditEvents({ accountId: account.id })
    t.same(
      events.map(({ event }) => event).filter((event) => /confirmed|generated/.test(event)),
      ['authenticator.confirmed', 'recovery_codes.generated'],
    )
    t.equal((await postern.logIn(account)).body.status, 'challenge_required')
  })

  t.test('gives as many recovery codes as the policy says', async (t) => {
    await postern.setPolicy({ recovery_code_count: 6 })
    t.teardown(() => postern.setPolicy({ recovery_code_count: 10 }))
    const { bearer, pending } = await begun(postern)
    t.equal((await confirm(postern, bearer, pending.id, pending.code())).body.recovery_codes.length, 6)
  })

  t.test('gives no recovery codes with a second one', async (t) => {
    const { account, bearer, pending } = await begunAnother(postern)
    const confirmed = await confirm(postern, bearer, pending.id, pending.code())
    t.equal(confirmed.status, 200, confirmed.text)
    t.same(Object.keys(confirmed.body), ['authenticator'])
    t.match(await storedFactors(postern, account), { enrolled: 2, recoveryCodes: 0 })
  })

  t.test('burns its time step: the code, and any older one, signs nobody in', async (t) => {
    const { account, bearer, pending } = await begun(postern)
    const used = pending.code()
    await confirm(postern, bearer, pending.id, used)
    postern.advance(-30)
    const older = pending.code()
    postern.advance(30)
    for (const code of [used, older]) {
      const { challenge_token } = (await postern.logIn(account)).body
      const body = { challenge_token, method: 'totp', code }
      const refused = await postern.request('POST', '/v1/challenges/verify', { body })
      t.equal(refused.body.error, 'invalid_code')
    }
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'challenge.failed' })
    t.equal(event?.details.reason, 'replayed_code')
  })

  t.test('takes a code of one step before or after, and of two steps not', async (t) => {
    for (const [seconds, status] of [
      [-60, 401],
      [-30, 200],
      [30, 200],
      [60, 401],
    ] as const) {
      const { bearer, pending } = await begun(postern)
      postern.advance(seconds)
      const code = pending.code()
      postern.advance(-seconds)
      t.equal((await confirm(postern, bearer, pending.id, code)).status, status, `${seconds} s`)
    }
  })

  t.test('refuses a wrong code, says how many attempts remain, and changes nothing', async (t) => {
    const { account, totp, bearer, pending } = await begunAnother(postern)
    const refused = await confirm(postern, bearer, pending.id, wrongCode(pending, postern.now()))
    t.equal(refused.status, 401)
    t.match(refused.body, { error: 'invalid_code', attempts_remaining: 4 })
    const stored = await storedFactors(postern, account)
    t.match(stored, { enrolled: 1, recoveryCodes: 0 })
    t.same(
      stored.authenticators.map(({ id, consecutive_failures: failures }) => [id, failures]),
      [
        [totp.authenticatorId, 0],
        [pending.id, 0],
      ],
      'it counts against no authenticator',
    )
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'code.refused' })
    t.match(event?.details, { purpose: 'confirm', reason: 'wrong_code', attempts_remaining: 4 })
    t.equal(
      (await confirm(postern, bearer, pending.id, pending.code())).status,
      200,
      'the right one still does',
    )
  })

  t.test('locks the account after too many wrong codes, until the lockout ends', async (t) => {
    const { account, bearer, pending } = await begun(postern)
    const wrong = wrongCode(pending, postern.now())
    for (const remaining of [4, 3, 2, 1, 0]) {
      const { body } = await confirm(postern, bearer, pending.id, wrong)
      t.match(body, { error: 'invalid_code', attempts_remaining: remaining })
      t.equal(body.retry_after, remaining === 0 ? 900 : undefined)
    }
    const locked = await confirm(postern, bearer, pending.id, pending.code())
    t.equal(locked.status, 429)
    t.match(locked.body, { error: 'account_locked', retry_after: 900 })
    t.equal(locked.headers['retry-after'], '900')
    t.match(await storedFactors(postern, account), { enrolled: 0 })
    t.equal((await postern.logIn(account)).body.error, 'account_locked', 'locked everywhere')
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'access.refused' })
    t.equal(event?.details.reason, 'account_locked')
  })

  t.test('clears the failures before it, and ends challenges that were pending', async (t) => {
    const { account, totp, bearer, pending } = await begunAnother(postern)
    const pendingLogin = (await postern.logIn(account)).body.challenge_token
    await confirm(postern, bearer, pending.id, wrongCode(pending, postern.now()))
    t.equal((await confirm(postern, bearer, pending.id, pending.code())).status, 200)
    postern.advance(30)
    const verify = { challenge_token: pendingLogin, method: 'totp', code: totp.code() }
    const ended = await postern.request('POST', '/v1/challenges/verify', { body: verify })
    t.equal(ended.body.error, 'invalid_challenge')

    const { challenge_token } = (await postern.logIn(account)).body
    const body = { challenge_token, method: 'totp', code: wrongCode(totp, postern.now()) }
    const refused = await postern.request('POST', '/v1/challenges/verify', { body })
    t.equal(refused.body.attempts_remaining, 4)
  })

  t.test('is too late after 15 minutes', async (t) => {
    const account = await postern.createAccount()
    const pending = await begin(postern, (await postern.signIn(account)).access_token)
    postern.advance(899)
    const bearer = (await postern.signIn(account)).access_token
    const { items } = (await postern.request('GET', '/v1/me/authenticators', { bearer })).body
    t.equal(items.length, 1)
    postern.advance(1)
    const refused = await confirm(postern, bearer, pending.id, pending.code())
    t.equal(refused.status, 404)
    t.same((await postern.request('GET', '/v1/me/authenticators', { bearer })).body.items, [])
    t.match(await storedFactors(postern, account), { enrolled: 0, recoveryCodes: 0 })
  })

  t.test('refuses what is not pending, or not the account’s own, and spends no attempt', async (t) => {
    const { bearer, pending, totp, account } = await begunAnother(postern)
    const stranger = await begun(postern)
    for (const id of [stranger.pending.id, totp.authenticatorId, account.id]) {
      for (let count = 0; count < 6; count += 1) {
        t.equal((await confirm(postern, bearer, id, stranger.pending.code())).status, 404)
      }
    }
    const refused = await confirm(postern, bearer, pending.id, wrongCode(pending, postern.now()))
    t.equal(refused.body.attempts_remaining, 4)
  })

  t.test('refuses malformed codes and ids, and spends no attempt', async (t) => {
    const { bearer, pending } = await begun(postern)
    for (const code of [
      '',
      '12345',
      '1234567',
      '12345678',
      ' 12345',
      '12345a',
      '１２３４５６',
      123456,
      null,
      ['123456'],
    ]) {
      const answer = await postern.request('POST', `/v1/me/authenticators/${pending.id}/confirm`, {
        bearer,
        body: { code },
      })
      t.equal(answer.status, 400, JSON.stringify(code))
    }
    t.equal((await confirm(postern, bearer, 'not-a-uuid', '123456')).status, 400)
    const unknown = { bearer, body: { code: pending.code(), trust_device: true } }
    const refused = await postern.request('POST', `/v1/me/authenticators/${pending.id}/confirm`, unknown)
    t.match(refused.body, { error: 'invalid_request', fields: ['trust_device'] })
    const wrong = await confirm(postern, bearer, pending.id, wrongCode(pending, postern.now()))
    t.equal(wrong.body.attempts_remaining, 4)
  })

  t.test('of fifty at once with one code one is answered', async (t) => {
    const { subject, outcomes } = await race(postern, 50, {
      prepare: () => begun(postern),
      attempt: ({ bearer, pending }) => confirm(postern, bearer, pending.id, pending.code()),
    })
    const { account, pending } = subject
    const counts = countByStatus(outcomes)
    t.equal(counts[200], 1, JSON.stringify(counts))
    t.notOk(counts[500])
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })
    const events = await postern.auditEvents({ accountId: account.id, event: 'authenticator.confirmed' })
    t.equal(events.length, 1)

    const { secret, id: authenticatorId } = pending
    const totp = { secret, authenticatorId, code: pending.code }
    t.ok(await postern.signIn(account, totp), 'the account is not locked')
  })

  testOnServers(t, 'without a second factor only the first can be added, however many try', async (t) => {
    const { account, bearer, pending } = await begun(postern)
    const other = await begin(postern, bearer)
    const held = await holdAccount(t, postern, account)
    const answers = Promise.all([
      confirm(postern, bearer, pending.id, pending.code()),
      confirm(postern, bearer, other.id, other.code()),
    ])
    await held.untilWaiting(2)
    await held.release()
    t.same(countByStatus(await answers), { 200: 1, 409: 1 })
    const stored = await storedFactors(postern, account)
    t.equal(stored.enrolled, 1)
    t.same(stored.authenticators.map(({ status }) => status).toSorted(), ['active', 'pending'])
  })

  testOnServers(t, 'never makes more than ten', async (t) => {
    const { account, bearer, pending } = await begunAnother(postern)
    const other = await begin(postern, bearer)
    for (let count = 1; count < 9; count += 1) await postern.enrollTotp(account)
    const held = await holdAccount(t, postern, account)
    const answers = Promise.all([
      confirm(postern, bearer, pending.id, pending.code()),
      confirm(postern, bearer, other.id, other.code()),
    ])
    await held.untilWaiting(2)
    await held.release()
    t.same(countByStatus(await answers), { 200: 1, 409: 1 })
    t.equal((await storedFactors(postern, account)).enrolled, 10)
  })

  testOnServers(t, 'is undone where the authenticator was removed meanwhile', async (t) => {
    const { account, bearer, pending } = await begun(postern)
    const held = await holdAccount(t, postern, account)
    const answer = confirm(postern, bearer, pending.id, pending.code())
    await held.untilWaiting(1)
    await postern.deps.postgres.query(
      { name: 'test_delete', text: 'DELETE FROM authenticators WHERE id = $1' },
      [pending.id],
    )
    await held.release()
    t.equal((await answer).status, 404)
    t.match(await storedFactors(postern, account), { enrolled: 0, recoveryCodes: 0, authenticators: [] })
  })
})
