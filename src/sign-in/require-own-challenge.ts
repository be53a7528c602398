import { challengeRefused } from '../audit/authentication-events.ts'
import { recordEvent } from '../audit/store.ts'
import type { Answering } from '../callers/authenticate-backend.ts'
import { isRegisteredAs } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { accountTagOf } from '../encryption/opaque-token.ts'
import type { ChallengeRecord } from '../ephemeral/ephemeral.ts'
import { AuthError } from '../errors.ts'

/**
 * What a client's backend has opened, that backend alone answers (docs/security.md 43): or somebody who has got
 * hold of a challenge could answer it past the backend. A client that has a secret opens challenges through its
 * backend and no other way; a session's step-up is its account's own. Spends no attempt.
 * @throws {AuthError} invalid_challenge, invalid_client
 */
export const requireOwnChallenge = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral' | 'clients'>,
  { backend, origin }: Answering,
  challengeToken: string,
): Promise<void> => {
  if (accountTagOf('challenge', challengeToken) === null) return
  const record = await deps.ephemeral.challenges.find(challengeToken, origin.now.getTime())
  // The attempt itself refuses what is not pending, and records that.
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
        'The backend that has opened a challenge answers it, and says who it is.',
      ),
    )
}

const isOpenedByBackend = async (
  deps: Pick<Deps, 'clients'>,
  { purpose, clientId }: ChallengeRecord,
): Promise<boolean> => purpose !== 'step_up' && (await deps.clients.find(clientId))?.secretHash !== null
