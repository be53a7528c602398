// Pushed authorization requests (RFC 9126): a client says what it wants over its own, authenticated connection, and the
// browser carries a name for it alone.
import { type Client, isPublic, registrationOf } from '../../clients/client.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { isRegistrationOpen } from '../../sign-in/registration/registration-open.ts'
import { throttledNetwork } from '../../wire/end-user.ts'
import { readAuthorizationRequest } from './authorization-request.ts'
import { type AuthorizationParameters, oneOf, readParameters } from './parameters.ts'
import { responseTarget } from './response-target.ts'

/** How long a browser may take to come with it, in seconds. */
const EXPIRES_IN_SECONDS = 60

/** How long it is kept for the browser that came with it: a sign-in takes its time. */
const KEPT_SECONDS = 15 * 60

/** Pushed requests a minute from one network by clients that prove nothing: each takes up to 8 KB for as long as it is kept. */
const MAX_UNPROVEN = 60
const MINUTE_MS = 60_000

const PREFIX = 'urn:ietf:params:oauth:request_uri:'
const SECRET_BYTES = 32

export type PushedRequestOpened = { requestUri: string; expiresInSeconds: number }

type PushDeps = Pick<Deps, 'config' | 'ephemeral' | 'policy' | 'randomBytes' | 'clock'>

const secretOf = (requestUri: string): string | null =>
  requestUri.startsWith(PREFIX) ? requestUri.slice(PREFIX.length) : null

/** Each resource in one text: a URI has no spaces. */
const pack = (parameters: AuthorizationParameters): Record<string, string> =>
  Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value].flat().join(' ')]))

const unpack = ({ resource, ...parameters }: Record<string, string>): AuthorizationParameters =>
  resource === undefined ? parameters : { ...parameters, resource: resource.split(' ') }

/**
 * Stores a client's request, which is checked as it would be at the authorization endpoint. `jkt` is the key that the
 * client has proven by DPoP, to which the code is then bound (RFC 9449 10.1).
 * @throws {AuthError} as `readAuthorizationRequest`; rate_limited, for clients without a secret or key
 */
export const openPushedRequest = async (
  deps: PushDeps,
  client: Client,
  { given, jkt, ip }: { given: Record<string, unknown>; jkt: string | null; ip: string },
): Promise<PushedRequestOpened> => {
  // The client has authenticated, in whichever way it has named itself.
  const parameters = { ...readParameters(given), client_id: client.clientId }
  // RFC 9126 2.1.
  if ('request_uri' in parameters)
    throw new AuthError('invalid_request', 'A request that is pushed has no request_uri.', {
      fields: ['request_uri'],
    })
  const target = responseTarget(client, parameters)
  if ('error' in target) throw new AuthError('invalid_request', target.text, { fields: ['redirect_uri'] })
  const registration = isRegistrationOpen(deps) ? 'open' : 'closed'
  const request = readAuthorizationRequest(
    { issuer: deps.config.issuer, client, target, registration },
    parameters,
  )
  if (request.jkt !== null && jkt !== null && request.jkt !== jkt)
    throw new AuthError('invalid_request', 'dpop_jkt is not the key of the DPoP proof.', {
      fields: ['dpop_jkt'],
    })
  if (isPublic(client)) await limitUnproven(deps, ip)
  const secret = deps.randomBytes(SECRET_BYTES).toString('base64url')
  await deps.ephemeral.pushedRequests.open(secret, {
    record: { ...registrationOf(client), params: pack(parameters), jkt: jkt ?? request.jkt },
    ttlSeconds: EXPIRES_IN_SECONDS,
    nowMs: deps.clock().getTime(),
  })
  return { requestUri: PREFIX + secret, expiresInSeconds: EXPIRES_IN_SECONDS }
}

const limitUnproven = async ({ ephemeral, clock }: PushDeps, ip: string): Promise<void> => {
  const name = `par ${throttledNetwork(ip)}`
  const { count, resetsInMs } = await ephemeral.counters.increment(name, MINUTE_MS, clock().getTime())
  if (count <= MAX_UNPROVEN) return
  throw new AuthError('rate_limited', undefined, { retry_after: Math.max(1, Math.ceil(resetsInMs / 1000)) })
}

/**
 * What was pushed under `requestUri`, for the first browser that comes with it, and then for it alone; null for any other,
 * and where it has expired or was used.
 */
export const findPushedRequest = async (
  { ephemeral }: Pick<Deps, 'ephemeral'>,
  { clientId, requestUri, browser }: { clientId: string; requestUri: string; browser: string },
  now: Date,
): Promise<AuthorizationParameters | null> => {
  const secret = secretOf(requestUri)
  if (secret === null) return null
  const found = await ephemeral.pushedRequests.find(secret, browser, KEPT_SECONDS, now.getTime())
  if (found?.clientId !== clientId) return null
  return { ...unpack(found.params), ...(found.jkt !== null && { dpop_jkt: found.jkt }) }
}

/** Exactly one caller gets true: a request is answered with a code once. */
export const takePushedRequest = async (
  { ephemeral }: Pick<Deps, 'ephemeral'>,
  requestUri: string,
  now: Date,
): Promise<boolean> =>
  (await ephemeral.pushedRequests.take(secretOf(requestUri) ?? '', now.getTime())) !== null

/** The client and the name of a pushed request that an authorization request names; null for one that was not pushed. */
export const pushedNameOf = (
  parameters: AuthorizationParameters,
): { clientId: string; requestUri: string } | null => {
  const requestUri = oneOf(parameters, 'request_uri')
  const clientId = oneOf(parameters, 'client_id')
  return requestUri?.startsWith(PREFIX) && clientId ? { clientId, requestUri } : null
}
