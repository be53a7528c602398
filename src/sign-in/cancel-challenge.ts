import { challengeCancelled } from '../audit/authentication-events.ts'
import { recordEvent } from '../audit/store.ts'
import { refuseForeignAnswer } from '../authenticators/refuse-foreign-answer.ts'
import type { Answering } from '../callers/authenticate-backend.ts'
import { registrationOf } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { accountTagOf } from '../encryption/opaque-token.ts'
import { isAnsweredBy } from '../ephemeral/records.ts'
import { AuthError } from '../errors.ts'

/**
 * Ends a pending challenge.
 * @throws {AuthError} invalid_challenge where it is not pending; invalid_client where another one answers it
 */
export const cancelChallenge = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral'>,
  { backend, origin }: Answering,
  challengeToken: string,
): Promise<void> => {
  if (accountTagOf('challenge', challengeToken) === null) throw new AuthError('invalid_challenge')
  const { challenges } = deps.ephemeral
  const nowMs = origin.now.getTime()
  const answerer = backend && registrationOf(backend.client)
  // Whose a challenge is never changes, so that nothing is lost between the two steps.
  const found = await challenges.find(challengeToken, nowMs)
  if (found && !isAnsweredBy(found, answerer)) return refuseForeignAnswer(deps, origin, answerer, found)
  const record = await challenges.cancel(challengeToken, nowMs)
  if (!record) throw new AuthError('invalid_challenge')
  const { accountId, clientId } = record
  const actor = backend?.origin.actor ?? ({ type: 'account', id: accountId } as const)
  await recordEvent(deps, challengeCancelled({ ...origin, actor }, { accountId, clientId }))
}
