import type { Deps } from '../deps.ts'
import { DependencyError } from '../errors.ts'
import type { ChangedTopic, Changes } from './ephemeral.ts'

/**
 * Announces to every replica what to read again. The change itself is durable by now, so where Redis is away this is
 * only logged and does not fail: replicas read everything again once they reach Redis.
 */
export const announceChange = async (
  deps: { ephemeral: { changes: Changes }; log: Pick<Deps['log'], 'warn'> },
  topic: Exclude<ChangedTopic, 'reconnected'>,
): Promise<void> => {
  try {
    await deps.ephemeral.changes.publish(topic)
  } catch (error) {
    if (!(error instanceof DependencyError)) throw error
    deps.log.warn({ topic, reason: error.message }, 'could not announce a change to the other replicas')
  }
}
