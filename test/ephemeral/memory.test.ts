import t from 'tap'
import { openEphemeral } from '../../src/ephemeral/open-ephemeral.ts'
import { ephemeralContract } from './contract.ts'
import { quiet } from './fixtures.ts'

t.test('in memory', async (t) => {
  ephemeralContract(t, async () => {
    const ephemeral = await openEphemeral({ redisUrl: null, log: quiet })
    t.equal(ephemeral.kind, 'memory')
    return ephemeral
  })
})
