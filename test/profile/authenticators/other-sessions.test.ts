import t from 'tap'
import { openTestApp, PASSWORD, type TestApp } from '../../support/app.ts'
import { onBothEngines } from '../../support/embedded.ts'
import { begin, storedFactors } from '../../support/enrollment.ts'
import { holdStatement } from '../../support/hold-statement.ts'

const skip = onBothEngines()

/** An account with two authenticators, signed in twice, with a challenge that is pending. */
const signedInTwice = async (postern: TestApp) => {
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  await postern.enrollTotp(account)
  const other = (await postern.signIn(account, totp)).access_token
  const bearer = (await postern.signIn(account, totp)).access_token
  const pending = await begin(postern, bearer)
  const challenge: string = (await postern.logIn(account)).body.challenge_token
  postern.advance(30)
  return { account, totp, bearer, other, pending, challenge }
}

type SignedIn = Awaited<ReturnType<typeof signedInTwice>>
type Change = {
  name: string
  send: (postern: TestApp, by: SignedIn, keep: boolean | undefined) => ReturnType<TestApp['request']>
  reason: string
}

const member = (keep: boolean | undefined) => (keep === undefined ? {} : { keep_other_sessions: keep })

const CHANGES: Change[] = [
  {
    name: 'adding an authenticator',
    send: (postern, { bearer, pending }, keep) =>
      postern.request('POST', `/v1/me/authenticators/${pending.id}/confirm`, {
        bearer,
        body: { code: pending.code(), ...member(keep) },
      }),
    reason: 'authenticator_confirmed',
  },
  {
    name: 'removing an authenticator',
    send: (postern, { bearer, totp }, keep) =>
      postern.request(
        'DELETE',
        `/v1/me/authenticators/${totp.authenticatorId}${keep === undefined ? '' : `?keep_other_sessions=${keep}`}`,
        { bearer },
      ),
    reason: 'authenticator_removed',
  },
  {
    name: 'regenerating recovery codes',
    send: (postern, { bearer }, keep) =>
      postern.request('POST', '/v1/me/recovery-codes', {
        bearer,
        ...(keep !== undefined && { body: member(keep) }),
      }),
    reason: 'recovery_codes_generated',
  },
  {
    name: 'disabling the second factor',
    send: (postern, { bearer, totp }, keep) =>
      postern.request('POST', '/v1/me/second-factor/disable', {
        bearer,
        body: { password: PASSWORD, method: 'totp', code: totp.code(), ...member(keep) },
      }),
    reason: 'second_factor_disabled',
  },
  {
    name: 'changing the password',
    send: (postern, { bearer }, keep) =>
      postern.request('PUT', '/v1/me/password', {
        bearer,
        body: { current_password: PASSWORD, new_password: 'walnut drawer over the canal', ...member(keep) },
      }),
    reason: 'password_changed',
  },
]

const isOpen = async (postern: TestApp, bearer: string) =>
  (await postern.request('GET', '/v1/me', { bearer })).status === 200

t.test('a change of factors ends what is pending, and the other sessions', { skip }, async (t) => {
  const postern = await openTestApp(t)
  for (const { name, send, reason } of CHANGES) {
    for (const keep of [undefined, false, true]) {
      t.test(`${name}, keep_other_sessions ${keep}`, async (t) => {
        const by = await signedInTwice(postern)
        const changed = await send(postern, by, keep)
        t.ok(changed.status < 300, changed.text)
        t.ok(await isOpen(postern, by.bearer), 'the session that asks stays')
        t.equal(await isOpen(postern, by.other), keep === true, 'the other one')
        const body = { challenge_token: by.challenge }
        const cancelled = await postern.request('POST', '/v1/challenges/cancel', { body })
        t.equal(cancelled.body?.error, 'invalid_challenge', 'the challenge has ended')
        const events = await postern.auditEvents({ accountId: by.account.id, event: 'sessions.ended' })
        t.same(
          events.map(({ details }) => details.reason),
          keep ? [] : [reason],
        )
      })
    }
  }

  t.test('a name is no factor: renaming ends what is pending alone', async (t) => {
    const { bearer, other, totp, challenge } = await signedInTwice(postern)
    const url = `/v1/me/authenticators/${totp.authenticatorId}`
    const renamed = await postern.request('PATCH', url, { bearer, body: { name: 'Work phone' } })
    t.equal(renamed.status, 200)
    t.ok(await isOpen(postern, bearer))
    t.ok(await isOpen(postern, other))
    const cancelled = await postern.request('POST', '/v1/challenges/cancel', {
      body: { challenge_token: challenge },
    })
    t.equal(cancelled.body?.error, 'invalid_challenge')
  })

  t.test('removing an authenticator that is not confirmed changes nothing', async (t) => {
    const { bearer, other, pending, challenge } = await signedInTwice(postern)
    const url = `/v1/me/authenticators/${pending.id}`
    t.equal((await postern.request('DELETE', url, { bearer })).status, 204)
    t.ok(await isOpen(postern, other))
    const body = { challenge_token: challenge }
    t.equal((await postern.request('POST', '/v1/challenges/cancel', { body })).status, 204)
  })
})

t.test('the first authenticator ends the sessions of a password alone', { skip }, async (t) => {
  const postern = await openTestApp(t)
  for (const roles of [['user'], ['admin']]) {
    const account = await postern.createAccount({ roles: ['user'] })
    const other = (await postern.signIn(account)).access_token
    await postern.setPolicy({ required_for_all: roles[0] === 'admin' })
    const { body } = await postern.logIn(account)
    const token: string = body.enrollment_token ?? body.access_token
    const pending = await begin(postern, token)
    const confirmed = await postern.request('POST', `/v1/me/authenticators/${pending.id}/confirm`, {
      bearer: token,
      body: { code: pending.code() },
    })
    t.equal(confirmed.status, 200, confirmed.text)
    t.notOk(await isOpen(postern, other))
    t.ok(await isOpen(postern, confirmed.body.access_token))
  }
})

const PASSWORD_HASH = { name: 'test_password_hash', text: 'SELECT password_hash FROM accounts WHERE id = $1' }

t.test('a session that ends while its change waits changes nothing', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const { ephemeral, postgres } = postern.deps
  for (const { name, send } of CHANGES) {
    for (const keep of [undefined, true]) {
      t.test(`${name}, keep_other_sessions ${keep}`, async (t) => {
        const by = await signedInTwice(postern)
        const stored = async () => ({
          factors: await storedFactors(postern, by.account),
          password: await postgres.query(PASSWORD_HASH, [by.account.id]),
        })
        const before = await stored()
        const held = holdStatement(postern, 'question', /FOR NO KEY UPDATE|UPDATE accounts/)
        const changed = send(postern, by, keep)
        await held.reached
        await ephemeral.sessions.endAll(by.account.id, null, postern.now().getTime())
        held.release()
        t.match(await changed, { status: 401, body: { error: 'invalid_token' } })
        t.same(await stored(), before)
      })
    }
  }
})
