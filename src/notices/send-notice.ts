// Sends one logout notice: a signed logout token, in a form, to the URI that the client has registered.
//
// Decision: OpenID Connect Back-Channel Logout 1.0 2.8 knows two answers: 200 (or 204), and 400 where the client refuses
// the token or could not log out; a refused one is not sent again. All other answers come from something in between, such
// as a proxy while the client restarts, and are tried again for a day.
import type { Client } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { fetchFrom, type OutboundAnswer } from '../outbound/fetch-from.ts'
import { OutboundError } from '../outbound/outbound-error.ts'
import { mintLogoutToken } from '../tokens/mint-logout-token.ts'
import type { AttemptOutcome } from './next-attempt.ts'
import type { LeasedNotice } from './notice.ts'

export const SEND_WITHIN_MS = 5_000
const MAX_ANSWER_BYTES = 16 * 1024
const MAX_ERROR_CHARACTERS = 200

/** The `error` of a JSON answer, as far as it is printable: a client's words end up in a list for administrators. */
const errorOf = ({ body }: OutboundAnswer): string | null => {
  try {
    const { error } = JSON.parse(body.toString('utf8'))
    if (typeof error !== 'string') return null
    return error.replaceAll(/[^\x20-\x7E]/g, '').slice(0, MAX_ERROR_CHARACTERS)
  } catch {
    return null
  }
}

const outcomeOf = (answer: OutboundAnswer): AttemptOutcome => {
  if (answer.status >= 200 && answer.status < 300) return { kind: 'delivered' }
  const said = answer.status === 400 ? errorOf(answer) : null
  const error = `status ${answer.status}${said === null ? '' : `: ${said}`}`
  return answer.status === 400 ? { kind: 'refused', error } : { kind: 'unanswered', error }
}

type SendDeps = Pick<Deps, 'config' | 'signingKeys' | 'pairwiseSalt' | 'outbound' | 'clients' | 'clock'>

const post = async (
  deps: SendDeps,
  { client, uri }: { client: Client; uri: string },
  notice: LeasedNotice,
  signal: AbortSignal,
): Promise<AttemptOutcome> => {
  const token = mintLogoutToken(deps, client, notice, deps.clock())
  try {
    const answer = await fetchFrom(deps, uri, {
      method: 'POST',
      contentType: 'application/x-www-form-urlencoded',
      body: new URLSearchParams({ logout_token: token }).toString(),
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: SEND_WITHIN_MS,
      signal,
    })
    return outcomeOf(answer)
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error
    return { kind: 'unanswered', error: error.message.slice(0, MAX_ERROR_CHARACTERS) }
  }
}

/** One attempt. @throws {DependencyError} where the client cannot be read */
export const sendNotice = async (
  deps: SendDeps,
  notice: LeasedNotice,
  signal: AbortSignal,
): Promise<AttemptOutcome> => {
  const client = await deps.clients.find(notice.clientId)
  if (!client) return { kind: 'refused', error: 'the client is disabled' }
  const uri = client.backchannelLogoutUri
  if (uri === null) return { kind: 'refused', error: 'the client has no backchannel_logout_uri any more' }
  return post(deps, { client, uri }, notice, signal)
}
