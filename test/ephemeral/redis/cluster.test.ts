import t from 'tap'
import { openEphemeral } from '../../../src/ephemeral/open-ephemeral.ts'
import { missingServer, newKeyPrefix, startRedisCluster } from '../../support/servers.ts'
import { ephemeralContract } from '../contract.ts'
import { quiet } from '../fixtures.ts'

t.test('on Redis Cluster', { skip: missingServer('redis') }, async (t) => {
  const cluster = await startRedisCluster()
  t.teardown(() => cluster.stop())
  ephemeralContract(t, () => openEphemeral({ redisUrl: cluster.url, keyPrefix: newKeyPrefix(), log: quiet }))
})
