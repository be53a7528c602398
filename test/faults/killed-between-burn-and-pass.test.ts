import t from 'tap'
import { redisKeys } from '../../src/ephemeral/redis/scripts.ts'
import { openTestApp, TEST_ENCRYPTION_KEY } from '../support/app.ts'
import { startHoldingProxy } from '../support/holding-proxy.ts'
import { startPostern } from '../support/postern-process.ts'
import { createDatabase, missingServer, sharedPostgres, startRedis } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

t.test('a process killed between burning a code and passing the challenge', { skip }, async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const databaseUrl = await createDatabase(await sharedPostgres())
  const postern = await openTestApp(t, { databaseUrl, redisUrl: redis.url, redisKeyPrefix: 'postern:' })
  const account = await postern.createAccount({ roles: ['admin'] })
  const totp = await postern.enrollTotp(account)

  // The script that passes a challenge is the one that is given the account's set of sessions too. Once armed,
  // Redis never gets to see it.
  const [sessionSet = ''] = redisKeys('postern:').sessionSet('').split('{')
  let armed = false
  const proxy = await startHoldingProxy(
    redis.port,
    (chunk) => armed && chunk.toString('latin1').includes(sessionSet),
  )
  t.teardown(() => proxy.stop())
  const victim = await startPostern({
    DATABASE_URL: databaseUrl,
    REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
    POSTERN_ENCRYPTION_KEYS: TEST_ENCRYPTION_KEY,
    LOG_LEVEL: 'silent',
  })
  const verifyAtVictim = (body: object) =>
    fetch(`${victim.url}/v1/challenges/verify`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  // Another account first, so that the scripts are loaded and each is one message.
  const other = await postern.createAccount({ roles: ['admin'] })
  const otherTotp = await postern.enrollTotp(other)
  const { body: otherLogin } = await postern.logIn(other)
  const warmUp = { challenge_token: otherLogin.challenge_token, method: 'totp', code: otherTotp.code() }
  t.equal((await verifyAtVictim(warmUp)).status, 200)

  const { body: login } = await postern.logIn(account)
  const answer = { challenge_token: login.challenge_token, method: 'totp', code: totp.code() }
  armed = true
  const unanswered = verifyAtVictim(answer).catch(() => null)
  await proxy.held
  await victim.kill()
  t.equal(await unanswered, null, 'nobody was answered')
  t.equal(
    (await postern.auditEvents({ event: 'challenge.passed', accountId: account.id })).length,
    1,
    'the code was burned',
  )

  const again = await postern.request('POST', '/v1/challenges/verify', { body: answer })
  t.match(again, { status: 401, body: { error: 'invalid_code' } }, 'it is not good twice')
  postern.advance(30)
  const next = await postern.request('POST', '/v1/challenges/verify', {
    body: { ...answer, code: totp.code() },
  })
  t.equal(next.status, 200, 'and the next one passes the same challenge')
})
