import t from 'tap'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { countByStatus, wrongCode } from '../support/enrollment.ts'
import { race } from '../support/race.ts'

const skip = onBothEngines()

/** An account with an authenticator, and as many challenges of it as are asked for. */
const challenged = async (postern: TestApp, count: number) => {
  const account = await postern.createAccount()
  const totp = await postern.enrollTotp(account)
  const challenges: string[] = []
  for (let i = 0; i < count; i += 1) challenges.push((await postern.logIn(account)).body.challenge_token)
  return { account, totp, challenges }
}

const verify = ({ request }: TestApp, challengeToken: string | undefined, code: string) =>
  request('POST', '/v1/challenges/verify', {
    body: { challenge_token: challengeToken, method: 'totp', code },
  })

t.test('answers given at once', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const sessionsOf = ({ id }: { id: string }) =>
    postern.deps.ephemeral.sessions.list(id, postern.now().getTime())
  const passed = async ({ id }: { id: string }) =>
    (await postern.auditEvents({ accountId: id, event: 'challenge.passed' })).length

  t.test('of fifty uses of one code, each for another challenge, one passes', async (t) => {
    await postern.setPolicy({ max_failed_attempts: 100 })
    t.teardown(() => postern.setPolicy({ max_failed_attempts: 5 }))
    const { subject, outcomes } = await race(postern, 50, {
      prepare: () => challenged(postern, 50),
      attempt: ({ totp, challenges }, i) => verify(postern, challenges[i], totp.code()),
    })
    t.same(countByStatus(outcomes), { 200: 1, 401: 49 })
    t.equal(await passed(subject.account), 1)
    t.equal((await sessionsOf(subject.account)).length, 1)
  })

  t.test('of two codes that are both right, given to one challenge, one passes', async (t) => {
    const { subject, outcomes } = await race(postern, 2, {
      prepare: async () => {
        const { account, totp, challenges } = await challenged(postern, 1)
        const other = await postern.enrollTotp(account)
        return { account, codes: [totp.code(), other.code()], challenges }
      },
      attempt: ({ codes, challenges }, i) => verify(postern, challenges[0], codes[i] ?? ''),
    })
    t.same(countByStatus(outcomes), { 200: 1, 401: 1 })
    t.equal((await sessionsOf(subject.account)).length, 1)
  })

  t.test('of two hundred wrong codes five are checked', async (t) => {
    const { subject, outcomes } = await race(postern, 200, {
      prepare: () => challenged(postern, 10),
      attempt: ({ totp, challenges }, i) =>
        verify(postern, challenges[i % challenges.length], wrongCode(totp, postern.now())),
    })
    t.same(countByStatus(outcomes), { 401: 5, 429: 195 })
    const { id: accountId } = subject.account
    const failed = await postern.auditEvents({ accountId, event: 'challenge.failed' })
    t.same(
      failed.map(({ details }) => details.attempts_remaining).toSorted(),
      [0, 1, 2, 3, 4],
      'each of them is recorded',
    )
  })
})
