import { challengeRefused } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Answerer, ChallengeRecord } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'
import type { Sql } from '../postgres/pool.ts'

/**
 * Only the backend that opened a challenge answers and cancels it (docs/security.md 43); otherwise somebody who has got
 * hold of one could answer it without the backend. Every challenge of a client with a secret was opened by its backend,
 * that of a renewal too, except for a step-up that the account itself has asked for, which the account answers.
 * @throws {AuthError} invalid_challenge, invalid_client, always; recorded
 */
export const refuseForeignAnswer = async (
  deps: { postgres: Sql },
  origin: Origin,
  answerer: Answerer,
  record: ChallengeRecord,
): Promise<never> => {
  const { accountId } = record
  const clientId = answerer?.clientId ?? record.clientId
  const reason = answerer ? 'another_client' : 'client_not_authenticated'
  const actor = answerer ? ({ type: 'client', id: answerer.clientId } as const) : origin.actor
  await recordEvent(deps, challengeRefused({ ...origin, actor }, { accountId, clientId, reason }))
  throw answerer
    ? new AuthError('invalid_challenge')
    : new AuthError(
        'invalid_client',
        'Only the backend that opened this challenge can answer it, authenticated.',
      )
}
