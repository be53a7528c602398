import t from 'tap'
import { openEphemeral } from '../../src/ephemeral/open-ephemeral.ts'
import { missingServer, newKeyPrefix, sharedRedis } from '../support/servers.ts'
import { ephemeralContract } from './contract.ts'
import { quiet } from './fixtures.ts'

t.test('on Redis', { skip: missingServer('redis') }, async (t) => {
  ephemeralContract(t, async () => {
    const { url } = await sharedRedis()
    const ephemeral = await openEphemeral({ redisUrl: url, keyPrefix: newKeyPrefix(), log: quiet })
    t.equal(ephemeral.kind, 'redis')
    return ephemeral
  })
})
