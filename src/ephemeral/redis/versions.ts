import { randomBytes } from 'node:crypto'
import { accountTag } from '../../encryption/opaque-token.ts'
import type { AccountVersions } from '../ephemeral.ts'
import type { RedisKeys, RunScript } from './scripts.ts'

/**
 * Names for versions: random to this process, then a count. No process ever gives one again, whatever Redis has lost
 * and whatever its clock shows.
 */
export const versionNames = (): (() => string) => {
  const ofProcess = randomBytes(12).toString('base64url')
  let given = 0
  return () => {
    given += 1
    return `${ofProcess}.${given.toString(36)}`
  }
}

export const redisVersions = (
  run: RunScript,
  keys: RedisKeys,
  newVersion: () => string,
): AccountVersions => ({
  async raise(accountId, unsettledUntilMs) {
    await run(
      'raiseAccountVersion',
      [keys.account(accountTag(accountId))],
      [newVersion(), unsettledUntilMs ?? ''],
    )
  },
})
