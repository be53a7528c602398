import t from 'tap'
import { openTestApp, type TestApp } from './support/app.ts'
import { begin, confirm, countByStatus } from './support/enrollment.ts'

const verify = (postern: TestApp, challengeToken: string, code: string) =>
  postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: challengeToken, method: 'totp', code },
  })

t.test('on embedded defaults everything behaves the same', async (t) => {
  const postern = await openTestApp(t, { engines: 'embedded' })
  t.match(await postern.request('GET', '/readyz'), {
    status: 200,
    body: { postgres: { kind: 'embedded' }, redis: { kind: 'memory' } },
  })
  const account = await postern.createAccount({ roles: ['admin'] })
  const totp = await postern.enrollTotp(account)

  t.test('of fifty parallel uses of one code, one passes', async (t) => {
    await postern.setPolicy({ max_failed_attempts: 100 })
    const logins = await Promise.all(Array.from({ length: 10 }, () => postern.logIn(account)))
    const tokens: string[] = logins.map(({ body }) => body.challenge_token)
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => verify(postern, tokens[i % tokens.length] ?? '', totp.code())),
    )
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
    await postern.setPolicy({ max_failed_attempts: 5 })
  })

  t.test('who must enroll does so at login, once of fifty times, and keeps recovery codes', async (t) => {
    const newcomer = await postern.createAccount({ roles: ['admin'] })
    const token: string = (await postern.logIn(newcomer)).body.enrollment_token
    const pending = await begin(postern, token)
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => confirm(postern, token, pending.id, pending.code())),
    )
    const counts = countByStatus(answers)
    t.equal(counts[200], 1, JSON.stringify(counts))
    t.notOk(counts[500], JSON.stringify(counts))
    const { body } = answers.find(({ status }) => status === 200) ?? {}
    const bearer: string = body.access_token
    const renewed = await postern.request('POST', '/v1/me/recovery-codes', { bearer })
    t.equal(renewed.body.recovery_codes.length, 10)
    const last = await postern.request('DELETE', `/v1/me/authenticators/${pending.id}`, { bearer })
    t.equal(last.body.error, 'policy_violation')
  })

  t.test('of two hundred parallel wrong codes, five are evaluated', async (t) => {
    postern.advance(30)
    const { body } = await postern.logIn(account)
    const wrong = totp.code() === '000000' ? '000001' : '000000'
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => verify(postern, body.challenge_token, wrong)),
    )
    t.equal(answers.filter(({ status }) => status === 401).length, 5)
    t.equal(answers.filter(({ status }) => status === 429).length, 195)
    const failures = await postern.auditEvents({ event: 'challenge.failed', accountId: account.id })
    t.equal(failures.filter(({ details }) => details.reason === 'wrong_code').length, 5)
  })
})
