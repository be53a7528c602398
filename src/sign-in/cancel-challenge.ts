import { challengeCancelled } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Deps } from '../deps.ts'
import { accountTagOf } from '../encryption/opaque-token.ts'
import { AuthError } from '../errors.ts'

/** Ends a pending challenge. @throws {AuthError} invalid_challenge where it is not pending. */
export const cancelChallenge = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral'>,
  origin: Origin,
  challengeToken: string,
): Promise<void> => {
  if (accountTagOf('challenge', challengeToken) === null) throw new AuthError('invalid_challenge')
  const record = await deps.ephemeral.challenges.cancel(challengeToken, origin.now.getTime())
  if (!record) throw new AuthError('invalid_challenge')
  const { accountId, clientId } = record
  const { actor } = origin
  const by = actor.type === 'client' ? actor : ({ type: 'account', id: accountId } as const)
  await recordEvent(deps, challengeCancelled({ ...origin, actor: by }, { accountId, clientId }))
}
