import { challengeRefused } from '../audit/authentication-events.ts'
import { recordEvent } from '../audit/store.ts'
import type { Answering } from '../callers/authenticate-backend.ts'
import { isRegisteredAs } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { accountTagOf } from '../encryption/opaque-token.ts'
import type { ChallengeRecord } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'

/**
 * Only the backend that opened a challenge answers it (docs/security.md 43); otherwise somebody who has got hold of one
 * could answer it without the backend. Every challenge of a client with a secret was opened by its backend, that of a
 * renewal too, except for a step-up that the account itself has asked for, which the account answers. Spends no attempt.
 * @throws {AuthError} invalid_challenge, invalid_client
 */
export const requireOwnChallenge = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clients'>,
  { backend, origin }: Answering,
  challengeToken: string,
): Promise<void> => {
  if (accountTagOf('challenge', challengeToken) === null) return
  const record = await deps.ephemeral.challenges.find(challengeToken, origin.now.getTime())
  // An attempt at a challenge that is not pending is refused, and recorded, later.
  if (!record) return
  const refuse = async (reason: string, error: AuthError): Promise<never> => {
    const { accountId } = record
    const clientId = backend?.client.clientId ?? record.clientId
    await recordEvent(deps, challengeRefused(backend?.origin ?? origin, { accountId, clientId, reason }))
    throw error
  }
  if (backend !== null && !isRegisteredAs(backend.client, record))
    return refuse('another_client', new AuthError('invalid_challenge'))
  if (backend === null && (await isOpenedByBackend(deps, record)))
    return refuse(
      'client_not_authenticated',
      new AuthError(
        'invalid_client',
        'Only the backend that opened this challenge can answer it, authenticated.',
      ),
    )
}

const isOpenedByBackend = async (
  deps: Pick<Deps, 'clients'>,
  { purpose, clientId }: ChallengeRecord,
): Promise<boolean> => purpose !== 'step_up' && (await deps.clients.find(clientId))?.secretHash !== null
