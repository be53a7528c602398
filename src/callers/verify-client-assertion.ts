// `private_key_jwt` (RFC 7523 2.2 and 3, OpenID Connect Core 9, docs/security.md 28): a client proves who it is by a JWT
// that it has signed. What is wrong with one is said in words, because only whoever holds the key can make a right one.
import type { JWTPayload } from 'jose'
import { clientAuthenticationFailed } from '../audit/authentication-events.ts'
import type { Origin } from '../audit/event.ts'
import { recordEvent } from '../audit/store.ts'
import type { Client } from '../clients/client.ts'
import { ASSERTION_ALGORITHMS } from '../clients/members.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { OutboundError } from '../outbound/outbound-error.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** How long an assertion may be valid from now on, in seconds. */
const MAX_AHEAD_SECONDS = 300

/** How far the clock of a client may be off, in seconds: 10 by the FAPI 2.0 Security Profile 5.3.2.1. */
const TOLERANCE_SECONDS = 10

const MAX_JTI_LENGTH = 256
const MAX_CLIENT_ID_LENGTH = 128

type AssertionDeps = Pick<Deps, 'config' | 'postgres' | 'clients' | 'clientKeys' | 'ephemeral'>

/** `reason` is recorded, `description` is answered. */
type Refusal = { reason: string; description: string }

/** Whom an assertion claims to be from, before anything is verified; null where it does not say. */
const claimedClientId = async (assertion: string): Promise<string | null> => {
  const { decodeJwt } = await import('jose/jwt/decode')
  try {
    const { sub } = decodeJwt(assertion)
    return typeof sub === 'string' && sub.length <= MAX_CLIENT_ID_LENGTH && !sub.includes('\0') ? sub : null
  } catch {
    return null
  }
}

/** docs/security.md 28: exactly one audience. An assertion for another server too could be used here by that one. */
const isFor = (aud: JWTPayload['aud'], issuer: string): boolean =>
  aud === issuer || (Array.isArray(aud) && aud.length === 1 && aud[0] === issuer)

const claimRefusal = (claims: JWTPayload, issuer: string, now: Date): Refusal | null => {
  const { aud, exp = 0, iat, jti } = claims
  const nowSeconds = now.getTime() / 1000
  const latest = nowSeconds + TOLERANCE_SECONDS
  if (!isFor(aud, issuer))
    return { reason: 'assertion_audience', description: `aud has to be exactly the issuer, ${issuer}.` }
  if (exp > latest + MAX_AHEAD_SECONDS)
    return { reason: 'assertion_lifetime', description: 'exp may be five minutes ahead at most.' }
  if (iat !== undefined && (iat > latest || iat > exp))
    return { reason: 'assertion_time', description: 'iat is in the future; check the clock.' }
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH)
    return { reason: 'assertion_id', description: `jti is a text of 1 to ${MAX_JTI_LENGTH} characters.` }
  return null
}

/** jose's errors by their `code`; whatever else it finds makes the assertion malformed. */
const REFUSALS: Record<string, Refusal> = {
  ERR_JOSE_ALG_NOT_ALLOWED: {
    reason: 'assertion_algorithm',
    description: 'The assertion is not signed with an algorithm that this client is registered for.',
  },
  ERR_JWKS_NO_MATCHING_KEY: {
    reason: 'assertion_key',
    description: 'No registered key of this client fits the kid and the algorithm of the assertion.',
  },
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: {
    reason: 'assertion_key',
    description: 'Several registered keys of this client fit: name one by kid.',
  },
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: {
    reason: 'assertion_signature',
    description: 'The signature of the assertion does not fit the registered key.',
  },
  ERR_JWT_EXPIRED: {
    reason: 'assertion_expired',
    description: 'The assertion has expired; check the clock.',
  },
  ERR_JWT_CLAIM_VALIDATION_FAILED: {
    reason: 'assertion_claims',
    description:
      'iss and sub have to be the client id, aud, exp and jti have to be there, and nbf has to be past.',
  },
}

const refusalOf = (error: unknown): Refusal => {
  if (error instanceof OutboundError)
    return {
      reason: `jwks_uri_${error.reason}`,
      description: "The keys at the client's jwks_uri cannot be read; the audit log says why.",
    }
  const known = error instanceof Error && 'code' in error ? REFUSALS[String(error.code)] : undefined
  return (
    known ?? { reason: 'assertion_malformed', description: 'The assertion, or a key for it, cannot be read.' }
  )
}

const TYPES = [undefined, 'JWT', 'client-authentication+jwt']

const algorithmsOf = ({ tokenEndpointAuthSigningAlg: registered }: Client): string[] => {
  const allowed: string[] = registered === null ? [...ASSERTION_ALGORITHMS] : [registered]
  // RFC 9864 2.2: its new name.
  return allowed.includes('EdDSA') ? [...allowed, 'Ed25519'] : allowed
}

const verified = async (
  deps: AssertionDeps,
  client: Client,
  assertion: string,
  now: Date,
): Promise<JWTPayload | Refusal> => {
  const { jwtVerify } = await import('jose/jwt/verify')
  const keys = await deps.clientKeys.of(client)
  if (!keys)
    return { reason: 'no_keys', description: 'This client has neither jwks nor jwks_uri registered.' }
  const { clientId } = client
  try {
    const { payload, protectedHeader } = await jwtVerify(assertion, keys, {
      algorithms: algorithmsOf(client),
      issuer: clientId,
      subject: clientId,
      requiredClaims: ['aud', 'exp', 'jti'],
      currentDate: now,
      clockTolerance: TOLERANCE_SECONDS,
    })
    // One kind of JWT is never taken for another (docs/security.md 30).
    if (!TYPES.includes(protectedHeader.typ)) return refusalOf(null)
    return claimRefusal(payload, deps.config.issuer, now) ?? payload
  } catch (error) {
    return refusalOf(error)
  }
}

/** Marked as used last: what is refused for something else may be mended and sent again. */
const useOnce = async (
  deps: AssertionDeps,
  { clientId }: Client,
  { jti, exp = 0 }: JWTPayload,
  now: Date,
): Promise<Refusal | null> => {
  const rememberedMs = (exp + 2 * TOLERANCE_SECONDS) * 1000 - now.getTime()
  const name = `client assertion ${JSON.stringify([clientId, jti])}`
  if (await deps.ephemeral.replays.firstUse(name, rememberedMs, now.getTime())) return null
  return {
    reason: 'assertion_replayed',
    description: 'This assertion was used before; each request has its own.',
  }
}

const isRefusal = (outcome: JWTPayload | Refusal): outcome is Refusal =>
  'reason' in outcome && 'description' in outcome

/**
 * The client that an assertion proves; `clientId` is what the request names besides, and has to be the same.
 * @throws {AuthError} invalid_client, recorded with its reason
 */
export const verifyClientAssertion = async (
  deps: AssertionDeps,
  { assertion, clientId }: { assertion: string; clientId: string | undefined },
  origin: Origin,
): Promise<Client> => {
  const claimed = await claimedClientId(assertion)
  const client = claimed === null ? null : await deps.clients.find(claimed)
  const refuse = async ({ reason, description }: Refusal): Promise<never> => {
    const about = { clientId: client?.clientId ?? null, reason }
    await recordEvent(deps, clientAuthenticationFailed(origin, about))
    throw new AuthError('invalid_client', description)
  }
  if (clientId !== undefined && clientId !== claimed)
    return refuse({ reason: 'assertion_claims', description: 'sub has to be the client_id of the request.' })
  if (!client)
    return refuse({ reason: 'unknown_client', description: 'The assertion names no registered client.' })
  if (client.tokenEndpointAuthMethod !== 'private_key_jwt')
    return refuse({
      reason: 'wrong_method',
      description: `This client is registered for ${client.tokenEndpointAuthMethod}, not for private_key_jwt.`,
    })
  const outcome = await verified(deps, client, assertion, origin.now)
  if (isRefusal(outcome)) return refuse(outcome)
  const replayed = await useOnce(deps, client, outcome, origin.now)
  return replayed ? refuse(replayed) : client
}
