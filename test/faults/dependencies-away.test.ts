import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openTestApp, type TestApp } from '../support/app.ts'
import { createDatabase, missingServer, startPostgres, startRedis } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const LIMIT_MS = 2_000

/** One request of every kind that a user makes, each fit to pass where nothing is away. */
const requests = async (postern: TestApp) => {
  const account = await postern.createAccount({ roles: ['admin'] })
  const totp = await postern.enrollTotp(account)
  const signedIn = await postern.signIn(await postern.createAccount())
  const leaving = await postern.signIn(await postern.createAccount())
  const client = await postern.createClient()
  const { body } = await postern.logIn(account)
  return {
    challengeToken: body.challenge_token as string,
    refreshToken: signedIn.refresh_token,
    all: {
      login: () => postern.logIn(account),
      verify: () =>
        postern.request('POST', '/v1/challenges/verify', {
          body: { challenge_token: body.challenge_token, method: 'totp', code: totp.code() },
        }),
      open: () => postern.request('POST', '/v1/challenges', { basic: client, body: { subject: 'flask-1' } }),
      renew: () =>
        postern.request('POST', '/oauth2/token', {
          form: { grant_type: 'refresh_token', refresh_token: signedIn.refresh_token, client_id: 'postern' },
        }),
      logout: () => postern.request('POST', '/v1/logout', { bearer: leaving.access_token }),
    },
  }
}

/** Sends every request and expects each to be refused in time, for want of a dependency. */
const expectUnavailable = async (
  t: Test,
  postern: TestApp,
  all: Awaited<ReturnType<typeof requests>>['all'],
) => {
  for (const [name, send] of Object.entries(all)) {
    const began = performance.now()
    const answer = await send()
    t.ok(performance.now() - began < LIMIT_MS, `${name} is answered within 2 s`)
    t.match(answer, { status: 503, body: { error: 'temporarily_unavailable' } }, name)
    t.ok(Number(answer.headers['retry-after']) >= 1, `${name} says when to come back`)
  }
  t.equal((await postern.request('GET', '/healthz')).status, 200, 'the process is well')
  const ready = await postern.request('GET', '/readyz')
  t.equal(ready.status, 503)
  return ready.body
}

const untilReady = async (postern: TestApp) => {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(100)) {
    if ((await postern.request('GET', '/readyz')).status === 200) return
  }
  throw new Error('did not recover')
}

/** After an outage everything passes that would have passed before: nothing was used up by it. */
const expectAllPass = async (t: Test, { all }: Awaited<ReturnType<typeof requests>>) => {
  t.equal((await all.verify()).status, 200, 'the challenge and its code are still good')
  t.equal((await all.renew()).status, 200, 'the refresh token is still good')
  t.equal((await all.login()).status, 200)
  t.equal((await all.open()).status, 200)
  t.equal((await all.logout()).status, 401, 'who wanted to leave has left')
}

t.test('PostgreSQL away', { skip }, async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.stop())
  const postern = await openTestApp(t, { databaseUrl: await createDatabase(postgres) })

  t.test('stopped: everything that needs it is a 503, and it recovers by itself', async (t) => {
    const before = await requests(postern)
    await postgres.stop()
    t.match(await expectUnavailable(t, postern, before.all), {
      postgres: { status: 'down' },
      redis: { status: 'up' },
    })
    await postgres.start()
    await untilReady(postern)
    await expectAllPass(t, before)
  })

  t.test('silent: nothing hangs, and five answers in an outage lock nobody out', async (t) => {
    const before = await requests(postern)
    postgres.pause()
    await expectUnavailable(t, postern, before.all)
    const { verify } = before.all
    t.same(
      (await Promise.all([verify(), verify(), verify(), verify(), verify()])).map(({ status }) => status),
      [503, 503, 503, 503, 503],
    )
    postgres.resume()
    await untilReady(postern)
    await expectAllPass(t, before)
  })
})

t.test('Redis away', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const postern = await openTestApp(t, { redisUrl: redis.url })

  t.test('silent: everything that needs it is a 503, nothing hangs, and it recovers by itself', async (t) => {
    const before = await requests(postern)
    redis.pause()
    t.match(await expectUnavailable(t, postern, before.all), {
      postgres: { status: 'up' },
      redis: { status: 'down' },
    })
    redis.resume()
    await untilReady(postern)
    t.equal((await before.all.login()).status, 200)
    t.equal((await before.all.open()).status, 200)
  })

  t.test('stopped, and back empty: what was lost lets nobody in', async (t) => {
    const before = await requests(postern)
    await redis.stop()
    await expectUnavailable(t, postern, before.all)
    await redis.start()
    await untilReady(postern)
    t.equal((await before.all.verify()).body.error, 'invalid_challenge')
    t.equal((await before.all.renew()).body.error, 'invalid_grant')
    t.equal((await before.all.logout()).status, 401)
    t.equal((await before.all.login()).status, 200)
  })
})

t.test('servers stopped and started under requests', { skip }, async (t) => {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()])
  t.teardown(() => Promise.all([redis.stop(), postgres.stop()]))
  const postern = await openTestApp(t, { redisUrl: redis.url, databaseUrl: await createDatabase(postgres) })
  const client = await postern.createClient()
  const seen = new Set<number>()
  const slowest = { ms: 0 }
  let going = true
  const user = async (name: string) => {
    while (going) {
      const began = performance.now()
      const { status } = await postern.request('POST', '/v1/challenges', {
        basic: client,
        body: { subject: name },
      })
      slowest.ms = Math.max(slowest.ms, performance.now() - began)
      seen.add(status)
      await sleep(5)
    }
  }
  const users = Array.from({ length: 8 }, (_, i) => user(`user-${i}`))
  for (const server of [redis, postgres, redis]) {
    await sleep(300)
    await server.stop()
    await sleep(300)
    await server.start()
  }
  await untilReady(postern)
  going = false
  await Promise.all(users)
  t.same([...seen].toSorted(), [200, 503], 'every answer was a pass that was meant, or a 503')
  t.ok(slowest.ms < LIMIT_MS + 500, `the slowest took ${Math.round(slowest.ms)} ms`)
})
