// A replica that is killed while it sends logout notices loses none: another one sends what is left, and what was being
// sent, with the same `jti`. Two replicas at once send each notice once.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { addNotices, countPendingNotices } from '../../src/notices/store.ts'
import { openTestApp, TEST_ENCRYPTION_KEY } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { LOOPBACK_ALLOWED, openLogoutReceiver } from '../support/logout-receiver.ts'
import { startPostern } from '../support/postern-process.ts'
import { createDatabase, missingServer, sharedPostgres, sharedRedis } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const CLIENTS = 20
const OF_EACH_CLIENT = 10
/** How many a replica sends at a time. */
const UNDER_WAY = 16

t.test('a killed sender loses no notice, and two senders send none twice', { skip }, async (t) => {
  t.setTimeout(180_000)
  const databaseUrl = await createDatabase(await sharedPostgres())
  const redisUrl = (await sharedRedis()).url
  const postern = await openTestApp(t, { databaseUrl, redisUrl })
  const { deps } = postern
  await deps.notices.close()
  const receiver = await openLogoutReceiver(t, async (response) => {
    await sleep(20)
    response.end()
  })
  const clientIds: string[] = []
  for (let count = 0; count < CLIENTS; count += 1) {
    const { clientId } = await postern.createClient({ backchannelLogoutUri: receiver.uri() })
    clientIds.push(clientId)
  }
  const enqueue = async () => {
    const notices = Array.from({ length: OF_EACH_CLIENT }, () => clientIds)
      .flat()
      .map((clientId) => ({ id: uuidv7(), clientId, accountId: uuidv7(), sid: uuidv7() }))
    await addNotices(deps, notices, { now: new Date(), sendFrom: new Date() })
    return notices
  }
  const start = async () => {
    const replica = await startPostern({
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      POSTERN_ENCRYPTION_KEYS: TEST_ENCRYPTION_KEY,
      LOG_LEVEL: 'warn',
      ...LOOPBACK_ALLOWED,
    })
    t.teardown(() => replica.kill())
    return replica
  }
  const settled = () => eventually(90_000, async () => (await countPendingNotices(deps)).pending === 0)

  const first = await start()
  const notices = await enqueue()
  await receiver.atLeast(60)
  await first.kill()
  const before = receiver.received.length
  t.ok(before < notices.length, `${before} had been sent`)

  const second = await start()
  t.ok(await settled(), second.output())
  const jtis = receiver.received.map(({ claims }) => claims.jti)
  t.same(new Set(jtis), new Set(notices.map(({ id }) => id)), 'none is lost')
  const twice = jtis.length - notices.length
  t.ok(twice <= UNDER_WAY, `${twice} were sent twice`)
  for (const clientId of clientIds) {
    const ofClient = receiver.received.filter(({ claims }) => claims.aud === clientId)
    t.same(
      [...new Set(ofClient.map(({ claims }) => claims.jti))],
      notices.filter((notice) => notice.clientId === clientId).map(({ id }) => id),
      'in their order',
    )
  }

  const third = await start()
  receiver.received.length = 0
  const more = await enqueue()
  t.ok(await settled(), third.output())
  t.same(
    receiver.received.map(({ claims }) => claims.jti).toSorted(),
    more.map(({ id }) => id).toSorted(),
    'each once',
  )
})
