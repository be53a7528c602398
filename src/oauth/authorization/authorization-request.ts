// What an authorization request asks for (OpenID Connect Core 3.1.2.1, RFC 6749 4.1.1, RFC 7636, RFC 8707). Pure.
// A request is read anew at every step of a sign-in: its client may have changed meanwhile.
import { type Client, grantScope, requireResource, SCOPES, USER_SCOPES } from '../../clients/client.ts'
import { ACR_VALUES } from '../../clients/members.ts'
import { AuthError, type ErrorCode } from '../../errors.ts'
import { type ClaimsRequest, parseClaimsRequest } from './claims-request.ts'
import { type AuthorizationParameters, oneOf, repeatedParameter, resourcesOf } from './parameters.ts'
import { RESPONSE_MODES, type ResponseTarget } from './response-target.ts'

export const PROMPTS = ['none', 'login', 'consent', 'select_account', 'create'] as const
export type Prompt = (typeof PROMPTS)[number]

export type Acr = (typeof ACR_VALUES)[number]

export type AuthorizationRequest = {
  client: Client
  target: ResponseTarget
  /** What it asks for and its client may have. */
  scope: string
  nonce: string | null
  /** S256 (RFC 7636 4.2). */
  codeChallenge: string | null
  prompts: readonly Prompt[]
  /** How old the authentication may be, in seconds; null for any age. */
  maxAgeSeconds: number | null
  /** The levels that are accepted, the preferred one first; empty for any. */
  acrValues: readonly Acr[]
  loginHint: string | null
  idTokenHint: string | null
  uiLocales: readonly string[]
  claims: ClaimsRequest
  resources: string[]
  /** The key that the code is bound to (RFC 9449 10). */
  jkt: string | null
}

const SPACES = / +/
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/
const JKT = /^[A-Za-z0-9_-]{43}$/
const MAX_TEXT = 1024

const refuse = (code: ErrorCode, text: string, field?: string): AuthError =>
  new AuthError(code, text, field === undefined ? {} : { fields: [field] })

const textOf = (parameters: AuthorizationParameters, name: 'nonce' | 'login_hint'): string | null => {
  const text = oneOf(parameters, name) ?? null
  if (text === null || text.length <= MAX_TEXT) return text
  throw refuse('invalid_request', `${name} is longer than ${MAX_TEXT} characters.`, name)
}

const listOf = (
  parameters: AuthorizationParameters,
  name: 'prompt' | 'acr_values' | 'ui_locales',
): string[] => (oneOf(parameters, name) ?? '').split(SPACES).filter((one) => one !== '')

/** `create` (Initiating User Registration via OpenID Connect 1.0) needs that people may register themselves. */
const readPrompts = (parameters: AuthorizationParameters, registration: 'open' | 'closed'): Prompt[] => {
  const prompts = listOf(parameters, 'prompt').map((asked) => {
    const prompt = PROMPTS.find((known) => known === asked)
    if (prompt === 'create' && registration === 'closed')
      throw refuse(
        'invalid_request',
        'prompt: create is refused, because people cannot register themselves here; an administrator can turn on self_registration in the policy.',
        'prompt',
      )
    if (prompt) return prompt
    throw refuse('invalid_request', `prompt: ${asked} is not supported.`, 'prompt')
  })
  if (prompts.includes('none') && prompts.length > 1)
    throw refuse('invalid_request', 'prompt: none excludes every other value.', 'prompt')
  return prompts
}

const readMaxAge = (client: Client, parameters: AuthorizationParameters): number | null => {
  const text = oneOf(parameters, 'max_age') ?? null
  if (text === null) return client.defaultMaxAge
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw refuse('invalid_request', 'max_age has to be a whole number of seconds.', 'max_age')
}

const isAcr = (value: unknown): value is Acr => ACR_VALUES.some((known) => known === value)

/** Levels that are asked for; those that do not exist are left out, unless there are no others. */
const levels = (asked: readonly unknown[], name: string): Acr[] => {
  const known = asked.filter(isAcr)
  if (known.length > 0 || asked.length === 0) return known
  throw refuse('unmet_authentication_requirements', `${name}: the levels are ${ACR_VALUES.join(', ')}.`, name)
}

/**
 * `acr_values` and the claim `acr` ask for the same thing, and where both are there both hold. What the client is
 * registered to require holds in any case, so that levels below it are not accepted.
 */
const readAcrValues = (client: Client, parameters: AuthorizationParameters, claims: ClaimsRequest): Acr[] => {
  const asked = levels(listOf(parameters, 'acr_values'), 'acr_values')
  const claimed = levels(claims.idToken.acr?.values ?? [], 'claims')
  const both =
    claimed.length === 0 || asked.length === 0
      ? [...asked, ...claimed]
      : asked.filter((one) => claimed.includes(one))
  if (both.length === 0 && asked.length > 0)
    throw refuse('unmet_authentication_requirements', 'acr_values and claims exclude each other.', 'claims')
  if (client.requiredAcr === null) return both
  const floor = ACR_VALUES.indexOf(client.requiredAcr)
  const enough = both.filter((one) => ACR_VALUES.indexOf(one) >= floor)
  return enough.length > 0 ? enough : [client.requiredAcr]
}

/**
 * PKCE, which every client uses (docs/security.md 27), but for a confidential one that is registered as comparing the
 * nonce instead.
 */
const readCodeChallenge = (client: Client, parameters: AuthorizationParameters): string | null => {
  const challenge = oneOf(parameters, 'code_challenge') ?? null
  const method = oneOf(parameters, 'code_challenge_method') ?? null
  if (challenge === null) {
    if (method !== null)
      throw refuse(
        'invalid_request',
        'There is a code_challenge_method, but no code_challenge.',
        'code_challenge',
      )
    if (client.codeProtection === 'nonce') return null
    throw refuse(
      'invalid_request',
      'code_challenge is missing: use PKCE with S256 (RFC 7636).',
      'code_challenge',
    )
  }
  if (method !== 'S256')
    throw refuse('invalid_request', 'code_challenge_method has to be S256.', 'code_challenge_method')
  if (CHALLENGE.test(challenge)) return challenge
  throw refuse(
    'invalid_request',
    'code_challenge has to be a SHA-256 in base64url: 43 characters.',
    'code_challenge',
  )
}

const readJkt = (parameters: AuthorizationParameters): string | null => {
  const jkt = oneOf(parameters, 'dpop_jkt') ?? null
  if (jkt === null || JKT.test(jkt)) return jkt
  throw refuse('invalid_request', 'dpop_jkt has to be an RFC 7638 thumbprint: 43 characters.', 'dpop_jkt')
}

/** OpenID Connect Core 3.1.2.1: scopes that are not known are ignored. One that is known and not the client's is refused. */
const readScope = (client: Client, parameters: AuthorizationParameters): string => {
  const asked = (oneOf(parameters, 'scope') ?? '').split(SPACES)
  const known = asked.filter((scope) => SCOPES.some((one) => one === scope))
  if (known.length === 0)
    throw refuse(
      'invalid_scope',
      'scope is missing, or names nothing that there is; usually it is openid.',
      'scope',
    )
  return grantScope(client, known.join(' '), USER_SCOPES)
}

const requireSupported = (parameters: AuthorizationParameters): void => {
  if (parameters.request !== undefined) throw new AuthError('request_not_supported')
  if (parameters.request_uri !== undefined) throw new AuthError('request_uri_not_supported')
  if (parameters.registration !== undefined) throw new AuthError('registration_not_supported')
  const repeated = repeatedParameter(parameters)
  if (repeated !== null) throw refuse('invalid_request', `${repeated} is there more than once.`, repeated)
  const type = oneOf(parameters, 'response_type') ?? null
  if (type === null)
    throw refuse('invalid_request', 'response_type is missing; it has to be code.', 'response_type')
  if (type !== 'code') throw refuse('unsupported_response_type', 'The only response_type is code.')
  const mode = oneOf(parameters, 'response_mode') ?? 'query'
  if (!RESPONSE_MODES.some((known) => known === mode))
    throw refuse(
      'invalid_request',
      `response_mode has to be ${RESPONSE_MODES.join(' or ')}.`,
      'response_mode',
    )
}

type ReadingContext = {
  issuer: string
  client: Client
  target: ResponseTarget
  /** Whether people may create accounts themselves. */
  registration: 'open' | 'closed'
}

/**
 * Reads a request whose client and target are known.
 * @throws {AuthError} with the code that the client is answered
 */
export const readAuthorizationRequest = (
  { issuer, client, target, registration }: ReadingContext,
  parameters: AuthorizationParameters,
): AuthorizationRequest => {
  requireSupported(parameters)
  if (!client.grantTypes.includes('authorization_code'))
    throw refuse(
      'unauthorized_client',
      'This client is not registered for the grant type authorization_code.',
    )
  const claims = parseClaimsRequest(oneOf(parameters, 'claims') ?? null)
  return {
    client,
    target,
    scope: readScope(client, parameters),
    nonce: textOf(parameters, 'nonce'),
    codeChallenge: readCodeChallenge(client, parameters),
    prompts: readPrompts(parameters, registration),
    maxAgeSeconds: readMaxAge(client, parameters),
    acrValues: readAcrValues(client, parameters, claims),
    loginHint: textOf(parameters, 'login_hint'),
    idTokenHint: oneOf(parameters, 'id_token_hint') ?? null,
    uiLocales: listOf(parameters, 'ui_locales').slice(0, 10),
    claims,
    resources: resourcesOf(parameters).map((resource) => requireResource(issuer, client, resource)),
    jkt: readJkt(parameters),
  }
}

/**
 * What a sign-in for this request has to show besides what the policy asks for; null: nothing, or the request is refused
 * anyway, once its user has signed in.
 */
export const neededFactor = (client: Client, parameters: AuthorizationParameters): 'second_factor' | null => {
  try {
    const claims = parseClaimsRequest(oneOf(parameters, 'claims') ?? null)
    const asked = readAcrValues(client, parameters, claims)
    return asked.length > 0 && !asked.includes('aal1') ? 'second_factor' : null
  } catch (error) {
    if (error instanceof AuthError) return null
    throw error
  }
}
