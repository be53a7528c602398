import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openTestApp, type TestApp } from './support/app.ts'

/** No server at all: PostgreSQL runs inside the process, and short-lived state is in its memory. */
const openEmbedded = (t: Parameters<typeof openTestApp>[0], dataDir: string) =>
  openTestApp(t, { databaseUrl: '', redisUrl: null, environment: { POSTERN_DATA_DIR: dataDir } })

const verify = (postern: TestApp, challengeToken: string, code: string) =>
  postern.request('POST', '/v1/challenges/verify', {
    body: { challenge_token: challengeToken, method: 'totp', code },
  })

t.test('on embedded defaults everything behaves the same', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-embedded-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const postern = await openEmbedded(t, dataDir)
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
