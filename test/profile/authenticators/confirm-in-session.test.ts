import { decodeJwt } from 'jose'
import t from 'tap'
import { openTestApp, type TestApp } from '../../support/app.ts'
import { onBothEngines, testOnServers } from '../../support/embedded.ts'
import { begin, confirm, countByStatus, holdAccount, storedFactors } from '../../support/enrollment.ts'
import { race } from '../../support/race.ts'
import { missingServer } from '../../support/servers.ts'

const skip = onBothEngines()

const me = (postern: TestApp, bearer: string) => postern.request('GET', '/v1/me', { bearer })

const renew = (postern: TestApp, refreshToken: string) =>
  postern.request('POST', '/oauth2/token', {
    form: { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'postern' },
  })

const sessionsOf = async (postern: TestApp, bearer: string) =>
  (await postern.request('GET', '/v1/me/sessions', { bearer })).body.items

const confirming = (postern: TestApp, t: import('tap').Test) => {
  t.test('replaces the session that asked by one with a new id, and ends its tokens', async (t) => {
    const account = await postern.createAccount()
    const first = await postern.signIn(account)
    const [before] = await sessionsOf(postern, first.access_token)
    const pending = await begin(postern, first.access_token)
    postern.advance(5)
    const { status, body } = await confirm(postern, first.access_token, pending.id, pending.code())
    t.equal(status, 200)
    t.match(body, { status: 'authenticated', acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], sub: account.id })
    t.equal(body.recovery_codes.length, 10)
    t.not(body.sid, first.sid)
    t.equal(body.auth_time, first.auth_time, 'enrolling is no authentication of its own')

    t.equal((await me(postern, first.access_token)).body.error, 'invalid_token')
    t.equal((await renew(postern, first.refresh_token)).body.error, 'invalid_grant')
    t.same(
      (await sessionsOf(postern, body.access_token)).map(({ id, created_at, expires_at }: typeof before) => ({
        id,
        created_at,
        expires_at,
      })),
      [{ id: body.sid, created_at: before.created_at, expires_at: before.expires_at }],
    )
    const renewed = await renew(postern, body.refresh_token)
    t.equal(renewed.status, 200, 'the gate sees the second factor that has just been shown')
    t.match(decodeJwt(renewed.body.access_token), { sid: body.sid, acr: 'aal2' })

    const [ended] = await postern.auditEvents({ accountId: account.id, event: 'session.ended' })
    t.match(ended, { session_id: first.sid, details: { reason: 'second_factor_enrolled' } })
  })

  t.test('of many at once one has tokens; the old session and its refresh token are dead', async (t) => {
    const { subject, outcomes: answers } = await race(postern, 20, {
      prepare: async () => {
        const account = await postern.createAccount()
        const first = await postern.signIn(account)
        const pending = await begin(postern, first.access_token)
        const other = await begin(postern, first.access_token)
        return { account, first, pending, other }
      },
      attempt: ({ first, pending, other }, i) => {
        const { id, code } = i % 2 ? pending : other
        return confirm(postern, first.access_token, id, code())
      },
    })
    const { account, first } = subject
    const counts = countByStatus(answers)
    t.equal(counts[200], 1, JSON.stringify(counts))
    t.notOk(counts[500])
    t.equal((await me(postern, first.access_token)).status, 401)
    t.equal((await renew(postern, first.refresh_token)).body.error, 'invalid_grant')
    const won = answers.find(({ status }) => status === 200)?.body
    t.same(
      (await sessionsOf(postern, won.access_token)).map(({ id }: { id: string }) => id),
      [won.sid],
    )
    t.match(await storedFactors(postern, account), { enrolled: 1, recoveryCodes: 10 })
  })

  t.test('changes no session with a second one', async (t) => {
    const account = await postern.createAccount()
    const totp = await postern.enrollTotp(account)
    const tokens = await postern.signIn(account, totp)
    const pending = await begin(postern, tokens.access_token)
    const { body } = await confirm(postern, tokens.access_token, pending.id, pending.code())
    t.same(Object.keys(body), ['authenticator'])
    t.equal((await me(postern, tokens.access_token)).status, 200)
  })
}

t.test('confirming a first authenticator inside a session', { skip }, async (t) => {
  const postern = await openTestApp(t)
  confirming(postern, t)

  testOnServers(t, 'is undone where the session ends meanwhile', async (t) => {
    const account = await postern.createAccount()
    const first = await postern.signIn(account)
    const pending = await begin(postern, first.access_token)
    const held = await holdAccount(t, postern, account)
    const answer = confirm(postern, first.access_token, pending.id, pending.code())
    await held.untilWaiting(1)
    await postern.deps.ephemeral.sessions.end(account.id, first.sid, postern.now().getTime())
    await held.release()
    t.match(await answer, { status: 409, body: { error: 'conflict' } })
    t.match(await storedFactors(postern, account), { enrolled: 0, recoveryCodes: 0 })
    t.same(await postern.deps.ephemeral.sessions.list(account.id, postern.now().getTime()), [])
  })
})

t.test('with state in memory', { skip: missingServer('postgres') }, async (t) => {
  confirming(await openTestApp(t, { redisUrl: null }), t)
})
