import t from 'tap'
import { systemOrigin } from '../../src/audit/event.ts'
import { takeAccountAttempt, takeChallengeAttempt } from '../../src/authenticators/attempt-code.ts'
import { DependencyError } from '../../src/errors.ts'
import { type Sql, sqlThrough } from '../../src/postgres/pool.ts'
import { openTestApp, PASSWORD, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { begin, confirm, storedFactors, wrongCode } from '../support/enrollment.ts'
import { errorOf, race } from '../support/race.ts'

const skip = onBothEngines()

const evaluated = async (postern: TestApp, accountId: string): Promise<number> => {
  const events = await postern.auditEvents({ accountId })
  return events.filter(({ details }) => details.reason === 'wrong_code').length
}

t.test('one budget for every route that checks a code', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('of 200 parallel wrong codes across all routes no more than the limit are evaluated', async (t) => {
    const verify = (token: string, method: string, code: string) =>
      postern.request('POST', '/v1/challenges/verify', { body: { challenge_token: token, method, code } })
    const disableWith = (bearer: string, code: string) =>
      postern.request('POST', '/v1/me/second-factor/disable', {
        bearer,
        body: { password: PASSWORD, method: 'totp', code },
      })
    const { subject, outcomes } = await race(postern, 200, {
      prepare: async () => {
        const account = await postern.createAccount()
        const totp = await postern.enrollTotp(account)
        const { access_token: bearer } = await postern.signIn(account, totp)
        const pending = await begin(postern, bearer)
        const { body: generated } = await postern.request('POST', '/v1/me/recovery-codes', { bearer })
        const { challenge_token } = (await postern.logIn(account)).body
        const stepUp = await postern.request('POST', '/v1/me/step-up', { bearer, body: { max_age: 0 } })
        const wrong = wrongCode(totp, postern.now())
        const routes = [
          () => verify(challenge_token, 'totp', wrong),
          () => verify(challenge_token, 'recovery_code', '0000-0000-0000-0000'),
          () => verify(stepUp.body.challenge_token, 'totp', wrong),
          () => confirm(postern, bearer, pending.id, wrongCode(pending, postern.now())),
        ]
        const disable = (code: string) => disableWith(bearer, code)
        const codes: string[] = generated.recovery_codes
        return { account, totp, bearer, pending, codes, challenge_token, wrong, routes, disable }
      },
      attempt: async ({ routes, disable, wrong }, index) =>
        index < 196 ? routes[index % routes.length]?.() : disable(wrong),
    })
    const { account, totp, bearer, pending, codes, challenge_token, disable } = subject
    t.same([...new Set(outcomes.map((answer) => answer?.status))].toSorted(), [401, 429])
    t.equal(await evaluated(postern, account.id), 5)

    const { challenge_token: another } = (await postern.logIn(account)).body
    t.equal(another, undefined, 'a new login gives no new guesses')
    for (const refused of [
      await verify(challenge_token, 'totp', totp.code()),
      await verify(challenge_token, 'recovery_code', codes[0] ?? ''),
      await confirm(postern, bearer, pending.id, pending.code()),
      await disable(totp.code()),
      await postern.request('POST', '/v1/me/step-up', { bearer, body: { max_age: 0 } }),
    ]) {
      t.match(refused, { status: 429, body: { error: 'account_locked', retry_after: Number } })
    }
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })
  })

  t.test('a right code in time clears the budget', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const { access_token: bearer } = await postern.signIn(account, totp)
    const pending = await begin(postern, bearer)
    for (let round = 0; round < 2; round += 1) {
      for (const left of [4, 3, 2, 1]) {
        const refused = await confirm(postern, bearer, pending.id, wrongCode(pending, postern.now()))
        t.equal(refused.body.attempts_remaining, left)
      }
      await postern.signIn(account, totp)
    }
  })

  t.test('the lock ends with the lockout', async (t) => {
    const account = await postern.createAccount()
    const { access_token: bearer } = await postern.signIn(account)
    const pending = await begin(postern, bearer)
    for (let count = 0; count < 5; count += 1)
      await confirm(postern, bearer, pending.id, wrongCode(pending, postern.now()))
    postern.advance(900)
    const fresh = (await postern.signIn(account)).access_token
    const again = await begin(postern, fresh)
    t.equal((await confirm(postern, fresh, again.id, again.code())).status, 200)
  })
})

/** An account with an authenticator and recovery codes, and the ways in which its codes are asked for. */
const askedForCodes = async (postern: TestApp) => {
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const { access_token: bearer } = await postern.signIn(account, totp)
  const codes = (await postern.request('POST', '/v1/me/recovery-codes', { bearer })).body.recovery_codes
  const { challenge_token } = (await postern.logIn(account)).body
  postern.advance(30)
  const verify = (method: string, code: string) =>
    postern.request('POST', '/v1/challenges/verify', { body: { challenge_token, method, code } })
  const disable = (method: string, code: string) =>
    postern.request('POST', '/v1/me/second-factor/disable', {
      bearer,
      body: { password: PASSWORD, method, code },
    })
  return { account, totp, recoveryCode: codes[0] as string, verify, disable }
}

/** PostgreSQL is away for the statements that match, until `restore` is called. */
const withoutStatements = ({ deps: { postgres } }: TestApp, matching: RegExp): (() => void) => {
  const { query, transaction } = postgres
  const failing = (ask: Sql['query']): Sql =>
    sqlThrough(async (statement, values) => {
      if (matching.test(statement.text)) throw new DependencyError('postgres', new Error('away'))
      return ask(statement, values)
    })
  postgres.query = failing(query).query
  postgres.transaction = (run) => transaction((sql) => run(failing(sql.query)))
  return () => Object.assign(postgres, { query, transaction })
}

const READS = / a\.id[\s\S]+(secret_sealed|code_hash)/
const UNREADABLE = {
  name: 'test_unreadable',
  text: `UPDATE authenticators SET secret_sealed = 'gone:' || secret_sealed WHERE account_id = $1`,
}
const READABLE = {
  name: 'test_readable',
  text: `UPDATE authenticators SET secret_sealed = substr(secret_sealed, 6) WHERE account_id = $1`,
}

t.test('a method that the policy no longer allows is refused', { skip }, async (t) => {
  const postern = await openTestApp(t)
  for (const dropped of ['recovery_code', 'totp'] as const) {
    t.test(dropped, async (t) => {
      await postern.setPolicy({ allowed_methods: ['totp', 'recovery_code'] })
      const { account, totp, recoveryCode, verify, disable } = await askedForCodes(postern)
      const bearer: string = (await postern.signIn(account, totp)).access_token
      const stepUp = await postern.request('POST', '/v1/me/step-up', { bearer, body: { max_age: 0 } })
      postern.advance(30)
      await postern.setPolicy({ allowed_methods: [dropped === 'totp' ? 'recovery_code' : 'totp'] })
      const before = await storedFactors(postern, account)
      const code = dropped === 'totp' ? totp.code() : recoveryCode
      const answer = { challenge_token: stepUp.body.challenge_token, method: dropped, code }
      for (const refused of [
        await verify(dropped, code),
        await postern.request('POST', '/v1/challenges/verify', { body: answer }),
        await disable(dropped, code),
      ]) {
        t.equal(refused.status, 400, refused.text)
        t.ok(refused.body.fields.includes('method'))
      }
      t.same(await storedFactors(postern, account), before)
      const events = await postern.auditEvents({ accountId: account.id, event: 'challenge.refused' })
      t.same(
        events.map(({ details }) => details.reason),
        ['method_not_allowed', 'method_not_allowed'],
      )

      const { lockedUntilMs } = await postern.deps.ephemeral.budgets.read(account.id, postern.now().getTime())
      t.equal(lockedUntilMs, null)
      const left = dropped === 'totp' ? verify('recovery_code', recoveryCode) : verify('totp', totp.code())
      t.equal((await left).status, 200, 'the other one does')
    })
  }
})

t.test('an attempt is given back where its code could not be compared', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('because PostgreSQL is away', async (t) => {
    const { totp, recoveryCode, verify, disable } = await askedForCodes(postern)
    const restore = withoutStatements(postern, READS)
    for (let round = 0; round < 3; round += 1) {
      for (const attempt of [verify, disable]) {
        t.equal((await attempt('totp', totp.code())).status, 503)
        t.equal((await attempt('recovery_code', recoveryCode)).status, 503)
      }
    }
    restore()
    const wrong = wrongCode(totp, postern.now())
    t.equal((await verify('totp', wrong)).body.attempts_remaining, 4)
    t.equal((await verify('totp', totp.code())).status, 200)
  })

  t.test('because a key is away', async (t) => {
    const { account, totp, verify, disable } = await askedForCodes(postern)
    await postern.changeByHand(UNREADABLE, [account.id])
    for (let round = 0; round < 5; round += 1) {
      t.equal((await verify('totp', totp.code())).status, 500)
      t.equal((await disable('totp', totp.code())).status, 500)
    }
    await postern.changeByHand(READABLE, [account.id])
    t.equal((await verify('totp', totp.code())).status, 200)
  })
})

t.test('an attempt to confirm is given back where its code could not be compared', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { postgres } = postern.deps
  const account = await postern.createAccount()
  const { access_token: bearer } = await postern.signIn(account)
  const pending = await begin(postern, bearer)
  const { query } = postgres
  let reads = 0
  postgres.query = async (statement, values) => {
    if (/status = 'pending' AND expires_at > /.test(statement.text)) reads += 1
    // The first read of a request is for the shape of the code.
    if (reads === 2) {
      reads = 0
      throw new DependencyError('postgres', new Error('away'))
    }
    return query(statement, values)
  }
  for (let count = 0; count < 6; count += 1)
    t.equal((await confirm(postern, bearer, pending.id, pending.code())).status, 503)
  Object.assign(postgres, { query })
  const wrong = wrongCode(pending, postern.now())
  t.equal((await confirm(postern, bearer, pending.id, wrong)).body.attempts_remaining, 4)
  t.equal((await confirm(postern, bearer, pending.id, pending.code())).status, 200)
})

t.test('a malformed code is refused before an attempt is counted, whoever asks', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { account, totp, verify } = await askedForCodes(postern)
  const { challenge_token: challengeToken } = (await postern.logIn(account)).body
  const origin = systemOrigin(postern.now())
  const asked = { accountId: account.id, sessionId: null, purpose: 'disable' } as const
  for (const answer of [
    { method: 'totp', code: '12345' },
    { method: 'totp', code: 'KX3F-9Q2M-0TZB-7HRW' },
    { method: 'recovery_code', code: '123456' },
    { method: 'recovery_code', code: '12345678' },
  ] as const) {
    t.equal(await errorOf(takeAccountAttempt(postern.deps, origin, asked, answer)), 'invalid_request')
    const taken = takeChallengeAttempt(postern.deps, origin, { challengeToken, answerer: null }, answer)
    t.equal(await errorOf(taken), 'invalid_request')
  }
  t.equal((await verify('totp', wrongCode(totp, postern.now()))).body.attempts_remaining, 4)
})

t.test('an attempt whose code was compared', { skip }, async (t) => {
  const postern = await openTestApp(t)

  t.test('stays counted where a wrong code cannot be recorded', async (t) => {
    const { totp, verify, disable } = await askedForCodes(postern)
    const restore = withoutStatements(postern, /record_audit_event/)
    const wrong = wrongCode(totp, postern.now())
    for (let count = 0; count < 3; count += 1) t.equal((await verify('totp', wrong)).status, 503)
    for (let count = 0; count < 2; count += 1) t.equal((await disable('totp', wrong)).status, 503)
    restore()
    t.equal((await verify('totp', totp.code())).body.error, 'account_locked')
  })

  t.test(
    'is given back where a right code cannot be burned at its challenge, and cleared by the next',
    async (t) => {
      const { totp, verify, disable } = await askedForCodes(postern)
      const restore = withoutStatements(postern, /SET last_time_step/)
      for (let count = 0; count < 6; count += 1) t.equal((await verify('totp', totp.code())).status, 503)
      t.equal((await disable('totp', totp.code())).status, 503, 'in a session it stays counted')
      restore()
      t.equal((await verify('totp', wrongCode(totp, postern.now()))).body.attempts_remaining, 3)
      t.equal((await verify('totp', totp.code())).status, 200)
    },
  )
})

t.test('a hundred wrong codes in a row', { skip }, async (t) => {
  const postern = await openTestApp(t)
  await postern.setPolicy({ max_failed_attempts: 100, lockout: 1 })
  const failures = 100

  /** Spends 100 wrong codes on an account's challenges. */
  const exhaust = async () => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const { access_token: bearer } = await postern.signIn(account, totp)
    const codes: string[] = (await postern.request('POST', '/v1/me/recovery-codes', { bearer })).body
      .recovery_codes
    const { challenge_token } = (await postern.logIn(account)).body
    const body = { challenge_token, method: 'totp', code: wrongCode(totp, postern.now()) }
    for (let count = 0; count < failures; count += 1)
      await postern.request('POST', '/v1/challenges/verify', { body })
    postern.advance(2)
    return { account, totp, codes }
  }

  t.test('disable the authenticator for good, and it still counts as enrolled', async (t) => {
    const { account, totp, codes } = await exhaust()
    t.match(await storedFactors(postern, account), { enrolled: 1, authenticators: [{ status: 'disabled' }] })
    const [event] = await postern.auditEvents({ accountId: account.id, event: 'authenticator.disabled' })
    t.match(event?.details, { authenticator_id: totp.authenticatorId })

    const login = await postern.logIn(account)
    t.match(login.body, { status: 'challenge_required', methods: [{ method: 'recovery_code' }] })
    const { challenge_token } = login.body
    const right = { challenge_token, method: 'totp', code: totp.code() }
    t.equal((await postern.request('POST', '/v1/challenges/verify', { body: right })).status, 400)

    const recover = { challenge_token, method: 'recovery_code', code: codes[0] }
    const passed = await postern.request('POST', '/v1/challenges/verify', { body: recover })
    t.equal(passed.status, 200, passed.text)
    const bearer: string = passed.body.access_token
    const { items } = (await postern.request('GET', '/v1/me/authenticators', { bearer })).body
    t.match(items, [{ status: 'disabled' }])
    const anew = await begin(postern, bearer)
    const confirmed = await confirm(postern, bearer, anew.id, anew.code())
    t.equal(confirmed.status, 200, 'the account enrolls another one')
    t.notOk('recovery_codes' in confirmed.body, 'which is not its first')
  })

  t.test('without recovery codes leave no way to sign in, and none by the password alone', async (t) => {
    const { account } = await exhaust()
    const sql = { name: 'test_lose_codes', text: 'DELETE FROM recovery_codes WHERE account_id = $1' }
    await postern.deps.postgres.query(sql, [account.id])
    const login = await postern.logIn(account)
    t.match(login, { status: 403, body: { error: 'policy_violation' } })
    t.match(login.body.error_description, /administrator/)
  })

  t.test('count from the last right one on', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const { challenge_token } = (await postern.logIn(account)).body
    const body = { challenge_token, method: 'totp', code: wrongCode(totp, postern.now()) }
    for (let count = 0; count < failures - 1; count += 1)
      await postern.request('POST', '/v1/challenges/verify', { body })
    t.match(await storedFactors(postern, account), { authenticators: [{ consecutive_failures: 99 }] })
    const right = { challenge_token, method: 'totp', code: totp.code() }
    t.equal((await postern.request('POST', '/v1/challenges/verify', { body: right })).status, 200)
    t.match(await storedFactors(postern, account), {
      authenticators: [{ status: 'active', consecutive_failures: 0 }],
    })
  })
})
