import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { begin, confirm, holdAccount, storedFactors } from '../support/enrollment.ts'
import { eventually } from '../support/eventually.ts'
import { missingServer, startRedis } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

t.test('an enrollment that Redis leaves half-way changes nothing', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const postern = await openTestApp(t, { redisUrl: redis.url })

  for (const [name, roles] of [
    ['at login', ['admin']],
    ['in a session', ['user']],
  ] as const) {
    t.test(name, async (t) => {
      const account = await postern.createAccount({ roles: [...roles] })
      const login = (await postern.logIn(account)).body
      const bearer: string = login.enrollment_token ?? login.access_token
      const pending = await begin(postern, bearer)
      const held = await holdAccount(t, postern, account)
      const answer = confirm(postern, bearer, pending.id, pending.code())
      await held.untilWaiting(1)
      await redis.stop()
      await held.release()
      t.match(await answer, { status: 503, body: { error: 'temporarily_unavailable', retry_after: Number } })
      t.match(await storedFactors(postern, account), {
        enrolled: 0,
        recoveryCodes: 0,
        authenticators: [{ id: pending.id, status: 'pending', last_time_step: 0 }],
      })

      await redis.start()
      t.ok(await eventually(3_000, async () => (await postern.request('GET', '/readyz')).status === 200))
      const again = (await postern.logIn(account)).body
      const token: string = again.enrollment_token ?? again.access_token
      const confirmed = await confirm(postern, token, pending.id, pending.code())
      t.equal(confirmed.status, 200, 'and works once Redis is back')
      t.equal(confirmed.body.recovery_codes.length, 10)
    })
  }
})
