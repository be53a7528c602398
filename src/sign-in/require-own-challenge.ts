import { challengeRefused } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/record-event.ts'
import { type Client, isRegisteredAs } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { accountTagOf } from '../encryption/opaque-token.ts'
import { AuthError } from '../errors.ts'

/**
 * One client's backend does not answer another's challenge. Spends no attempt.
 * @throws {AuthError} invalid_challenge
 */
export const requireOwnChallenge = async (
  deps: Pick<Deps, 'postgres' | 'ephemeral'>,
  origin: Origin,
  client: Client,
  challengeToken: string,
): Promise<void> => {
  if (accountTagOf('challenge', challengeToken) === null) throw new AuthError('invalid_challenge')
  const record = await deps.ephemeral.challenges.find(challengeToken, origin.now.getTime())
  if (record && isRegisteredAs(client, record)) return
  const about = { accountId: record?.accountId ?? null, clientId: client.clientId, reason: 'another_client' }
  await recordEvent(deps, challengeRefused(origin, about))
  throw new AuthError('invalid_challenge')
}
