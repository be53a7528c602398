import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { holdStatement } from '../support/hold-statement.ts'

const skip = onBothEngines()

/** An account with an authenticator, and a challenge that waits for its code. */
const challenged = async (postern: TestApp) => {
  const account = await postern.createAccount({ roles: ['admin'] })
  const totp = await postern.enrollTotp(account)
  const { body } = await postern.logIn(account)
  return { account, totp, challengeToken: body.challenge_token as string }
}

const verify = (postern: TestApp, challengeToken: string, code: string, method = 'totp') =>
  postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: challengeToken, method, code },
  })

t.test('answering a challenge', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const wrong = (code: string) => (code === '000000' ? '000001' : '000000')

  t.test('a password and then a code give signed tokens', async (t) => {
    const { account, totp, challengeToken } = await challenged(postern)
    const passed = await verify(postern, challengeToken, totp.code())

    t.equal(passed.status, 200, passed.text)
    t.equal(passed.headers['cache-control'], 'no-store')
    t.match(passed.body, {
      status: 'authenticated',
      acr: 'aal2',
      amr: ['pwd', 'otp', 'mfa'],
      sub: account.id,
    })
    const [event] = await postern.auditEvents({ event: 'challenge.passed', accountId: account.id })
    t.match(event, {
      session_id: passed.body.sid,
      client_id: 'postern',
      ip: '127.0.0.1',
      details: { method: 'totp', purpose: 'login', authenticator_id: totp.authenticatorId },
    })
    const find = { name: 'test_last_login', text: 'SELECT last_login_at FROM accounts WHERE id = $1' }
    t.same(await postern.deps.postgres.query(find, [account.id]), [{ last_login_at: postern.now() }])
  })

  t.test('a code of one step before or after is accepted, and of two steps is not', async (t) => {
    for (const [seconds, status] of [
      [-60, 401],
      [-30, 200],
      [30, 200],
      [60, 401],
    ] as const) {
      const { totp, challengeToken } = await challenged(postern)
      postern.advance(seconds)
      const code = totp.code()
      postern.advance(-seconds)
      t.equal((await verify(postern, challengeToken, code)).status, status, `${seconds} s`)
    }
  })

  t.test('a wrong code says how many attempts remain, and is recorded', async (t) => {
    const { account, totp, challengeToken } = await challenged(postern)
    const refused = await verify(postern, challengeToken, wrong(totp.code()))
    t.equal(refused.status, 401)
    t.match(refused.body, { error: 'invalid_code', attempts_remaining: 4 })
    const [event] = await postern.auditEvents({ event: 'challenge.failed', accountId: account.id })
    t.match(event, { outcome: 'failure', details: { reason: 'wrong_code', attempts_remaining: 4 } })
    t.equal((await verify(postern, challengeToken, totp.code())).status, 200, 'the right code still passes')
  })

  t.test('a used code is refused on another challenge, and so is any older one', async (t) => {
    const { account, totp, challengeToken } = await challenged(postern)
    postern.advance(-30)
    const older = totp.code()
    postern.advance(30)
    const used = totp.code()
    t.equal((await verify(postern, challengeToken, used)).status, 200)

    for (const code of [used, older]) {
      const again = (await postern.logIn(account)).body.challenge_token
      const refused = await verify(postern, again, code)
      t.match(refused, { status: 401, body: { error: 'invalid_code' } })
    }
    const failures = await postern.auditEvents({ event: 'challenge.failed', accountId: account.id })
    t.same(
      failures.map(({ details }) => details.reason),
      ['replayed_code', 'replayed_code'],
    )
  })

  t.test('the fifth wrong code locks the account, whatever challenge it is given to', async (t) => {
    const { account, totp, challengeToken } = await challenged(postern)
    const bad = wrong(totp.code())
    for (let remaining = 4; remaining >= 1; remaining -= 1) {
      t.equal((await verify(postern, challengeToken, bad)).body.attempts_remaining, remaining)
    }
    // A new challenge and another login give no new attempts.
    const another = (await postern.logIn(account)).body.challenge_token
    const last = await verify(postern, another, bad)
    t.match(last.body, { error: 'invalid_code', attempts_remaining: 0, retry_after: 900 })

    const locked = await verify(postern, another, totp.code())
    t.equal(locked.status, 429)
    t.match(locked.body, { error: 'account_locked', retry_after: 900 })
    t.equal(locked.headers['retry-after'], '900')
    const login = await postern.logIn(account)
    t.match(
      login,
      { status: 429, body: { error: 'account_locked' } },
      'the password does not open a way around',
    )

    postern.advance(901)
    const later = (await postern.logIn(account)).body.challenge_token
    t.equal((await verify(postern, later, totp.code())).status, 200, 'the lockout ends')
  })

  t.test('a malformed answer is a 400 that names it, and spends no attempt', async (t) => {
    const { account, totp, challengeToken } = await challenged(postern)
    for (const [body, field] of [
      [{ challenge_token: challengeToken, method: 'totp', code: '12345' }, 'code'],
      [{ challenge_token: challengeToken, method: 'totp', code: '12345 6' }, 'code'],
      [{ challenge_token: challengeToken, method: 'totp', code: '१२३४५६' }, 'code'],
      [{ challenge_token: challengeToken, method: 'totp', code: 123456 }, 'code'],
      [{ challenge_token: challengeToken, method: 'totp', code: '12345678' }, 'code'],
      [{ challenge_token: challengeToken, method: 'totp', code: 'KX3F-9Q2M-0TZB-7HRW' }, 'code'],
      [{ challenge_token: challengeToken, method: 'recovery_code', code: '123456' }, 'code'],
      [{ challenge_token: challengeToken, method: 'recovery_code', code: 'KX3F-9Q2M-0TZB-7HRW' }, 'method'],
      [{ challenge_token: challengeToken, method: 'sms', code: '123456' }, 'method'],
      [{ challenge_token: challengeToken, method: 'totp' }, 'code'],
      [{ challenge_token: challengeToken, method: 'totp', code: '123456', extra: 1 }, 'extra'],
    ] as const) {
      const refused = await postern.request('POST', '/v1/challenges/verify', { body })
      t.equal(refused.status, 400, JSON.stringify(body))
      t.same(refused.body.fields, [field])
    }
    t.same(await postern.auditEvents({ event: 'challenge.failed', accountId: account.id }), [])
    t.equal((await verify(postern, challengeToken, wrong(totp.code()))).body.attempts_remaining, 4)
  })

  t.test('a challenge is answered once, and not after it has expired or been cancelled', async (t) => {
    const used = await challenged(postern)
    await verify(postern, used.challengeToken, used.totp.code())
    postern.advance(30)
    t.equal((await verify(postern, used.challengeToken, used.totp.code())).body.error, 'invalid_challenge')

    const expired = await challenged(postern)
    postern.advance(300)
    t.equal(
      (await verify(postern, expired.challengeToken, expired.totp.code())).body.error,
      'invalid_challenge',
    )

    const cancelled = await challenged(postern)
    const body = { challenge_token: cancelled.challengeToken }
    t.equal((await postern.request('POST', '/v1/challenges/cancel', { body })).status, 204)
    t.equal(
      (await postern.request('POST', '/v1/challenges/cancel', { body })).body.error,
      'invalid_challenge',
    )
    t.equal(
      (await verify(postern, cancelled.challengeToken, cancelled.totp.code())).body.error,
      'invalid_challenge',
    )
    const events = await postern.auditEvents({
      event: 'challenge.cancelled',
      accountId: cancelled.account.id,
    })
    t.equal(events.length, 1)
  })

  t.test('a cancelled challenge is answered once that is recorded', async (t) => {
    const { challengeToken } = await challenged(postern)
    const slow = holdStatement(postern, 'question', /record_audit_event/)
    let answered = false
    const answer = postern
      .request('POST', '/v1/challenges/cancel', { body: { challenge_token: challengeToken } })
      .finally(() => {
        answered = true
      })
    await slow.reached
    await sleep(50)
    t.notOk(answered)
    slow.release()
    t.equal((await answer).status, 204)
  })

  t.test('tokens that are no challenge tokens are refused alike', async (t) => {
    for (const token of ['pst_ch_', 'pst_en_abc', `pst_ch_${'A'.repeat(55)}`, 'x']) {
      const refused = await verify(postern, token, '123456')
      t.match(refused, { status: 401, body: { error: 'invalid_challenge' } }, token)
      t.equal(
        (await postern.request('POST', '/v1/challenges/cancel', { body: { challenge_token: token } })).status,
        401,
      )
    }
  })

  t.test('an account that was disabled meanwhile does not get in', async (t) => {
    const { account, totp, challengeToken } = await challenged(postern)
    const disable = { name: 'test_disable', text: `UPDATE accounts SET status = 'disabled' WHERE id = $1` }
    await postern.deps.postgres.query(disable, [account.id])
    t.match(await verify(postern, challengeToken, totp.code()), {
      status: 403,
      body: { error: 'account_disabled' },
    })
    t.same(await postern.auditEvents({ event: 'challenge.passed', accountId: account.id }), [])
  })

  t.test('an account that is gone does not get in', async (t) => {
    const { account, totp, challengeToken } = await challenged(postern)
    await postern.deps.postgres.query({ name: 'test_delete', text: 'DELETE FROM accounts WHERE id = $1' }, [
      account.id,
    ])
    t.equal((await verify(postern, challengeToken, totp.code())).body.error, 'invalid_challenge')
    const saved = (await challenged(postern)).challengeToken
    t.equal((await verify(postern, saved, totp.code())).status, 401)
  })

  t.test('ending all sessions meanwhile voids the challenge', async (t) => {
    const { account, totp, challengeToken } = await challenged(postern)
    await postern.deps.ephemeral.sessions.endAll(account.id, null, postern.now().getTime())
    t.equal((await verify(postern, challengeToken, totp.code())).body.error, 'invalid_challenge')
  })
})
