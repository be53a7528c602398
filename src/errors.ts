// Every error a caller can meet: its code, its HTTP status, and what it says by default.
// The one handler that renders them is `renderError`; routes and use cases only throw.

import { type AjvError, describeProblems } from './wire/problems.ts'

/** Error codes and their status. RFC 6749, 6750, 7009, 9449 and 9470 codes where one exists; the rest are Postern's. */
export const ERROR_CODES = {
  invalid_request: [400, 'The request is malformed.'],
  invalid_client: [401, 'Client authentication failed.'],
  invalid_grant: [400, 'The grant is invalid, expired, revoked or already used.'],
  unauthorized_client: [403, 'This client may not do that.'],
  unsupported_grant_type: [400, 'This grant type is not supported.'],
  unsupported_response_type: [400, 'The only response_type is code.'],
  request_not_supported: [400, 'Request objects are not supported; push the request to /oauth2/par.'],
  request_uri_not_supported: [400, 'The only request_uri is one of /oauth2/par.'],
  registration_not_supported: [400, 'Clients are registered by an administrator.'],
  login_required: [400, 'The user has to sign in.'],
  interaction_required: [400, 'The user has to do something first.'],
  consent_required: [400, 'The user has to consent.'],
  account_selection_required: [400, 'The user has to choose an account.'],
  invalid_scope: [400, 'The client may not have a requested scope.'],
  invalid_target: [400, 'The client gets no tokens for the requested resource.'],
  invalid_dpop_proof: [400, 'The DPoP proof is missing or invalid.'],
  use_dpop_nonce: [400, 'Put the nonce of the DPoP-Nonce header into the DPoP proof, and send it again.'],
  unsupported_token_type: [400, 'Tokens of this type cannot be revoked.'],
  invalid_token: [401, 'The access token is missing, expired, revoked or not valid here.'],
  insufficient_scope: [403, 'The token lacks the scope this needs.'],
  insufficient_user_authentication: [401, 'A fresh second factor is needed.'],
  unmet_authentication_requirements: [400, 'The requested authentication is not possible.'],
  invalid_credentials: [401, 'The user name or the password is wrong.'],
  invalid_code: [401, 'The code is wrong, expired or already used.'],
  invalid_challenge: [401, 'The challenge is unknown, expired, used or cancelled.'],
  invalid_enrollment: [401, 'The enrollment is unknown, expired or already used.'],
  too_many_attempts: [429, 'Too many attempts.'],
  rate_limited: [429, 'Too many requests from this network.'],
  account_locked: [429, 'The account is locked after too many wrong codes.'],
  account_disabled: [403, 'The account is disabled.'],
  access_denied: [403, 'You may not do that.'],
  policy_violation: [403, 'The policy does not allow that.'],
  weak_password: [400, 'The password cannot be accepted.'],
  not_found: [404, 'There is nothing here.'],
  method_not_allowed: [405, 'This path does not take that method.'],
  conflict: [409, 'It conflicts with what exists.'],
  precondition_failed: [412, 'It has changed since you read it; read it again.'],
  server_error: [500, 'Something went wrong on our side.'],
  temporarily_unavailable: [503, 'A service that this needs is away. Try again shortly.'],
} as const satisfies Record<string, readonly [status: number, description: string]>

export type ErrorCode = keyof typeof ERROR_CODES

/** RFC 9449 5, 7: 400 at the token endpoint, and 401 where the proof comes with an access token. */
export const PROOF_ERRORS: readonly ErrorCode[] = ['invalid_dpop_proof', 'use_dpop_nonce']

/** Members that an error may carry besides `error`, `error_description` and `request_id`. */
export type ErrorDetails = {
  /** Seconds to wait; also sent as `Retry-After`. */
  retry_after?: number
  attempts_remaining?: number
  /** The members that are at fault, as JSON pointers without the leading slash, e.g. `totp/digits`. */
  fields?: string[]
  /** RFC 9470: what a step-up has to reach. */
  acr_values?: string
  /** RFC 9470: how fresh, in seconds. */
  max_age?: number
  /** Where a renewal needs a second factor: the challenge whose answer renews the session, as at sign-in. */
  challenge_token?: string
  expires_in?: number
  methods?: { method: string }[]
}

/** The only error class that ends a request on purpose. Anything else that is thrown is a 500 or a 503. */
export class AuthError extends Error {
  override readonly name = 'AuthError'
  readonly code: ErrorCode
  readonly status: number
  readonly details: ErrorDetails

  constructor(
    code: ErrorCode,
    description?: string,
    details: ErrorDetails = {},
    status: number = ERROR_CODES[code][0],
  ) {
    super(description ?? ERROR_CODES[code][1])
    this.code = code
    this.status = status
    this.details = details
  }
}

/** `retry_after` for an end in epoch milliseconds: seconds until then, at least 1. */
export const secondsUntil = (untilMs: number, now: Date): number =>
  Math.max(1, Math.ceil((untilMs - now.getTime()) / 1000))

/** Redis or PostgreSQL is away, or too slow: a 503, never a pass. */
export class DependencyError extends Error {
  override readonly name = 'DependencyError'
  readonly dependency: 'postgres' | 'redis'

  constructor(dependency: 'postgres' | 'redis', cause: unknown) {
    super(`${dependency} is away: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.dependency = dependency
  }
}

/** How an error is answered: status, JSON body (without `request_id`) and headers. */
export type RenderedError = {
  status: number
  body: { error: ErrorCode; error_description: string } & ErrorDetails
  headers: Record<string, string>
}

const DEPENDENCY_RETRY_SECONDS = 1

/** What Fastify throws by itself; with `validation` where a schema refused the request. */
type FrameworkError = Error & {
  code?: string
  statusCode?: number
  validation?: AjvError[]
  validationContext?: string
}

/** A request that its schema refuses; `where` names the place of a problem that is not in a member. */
export const invalidRequest = (validation: readonly AjvError[], where: string): AuthError => {
  const { description, fields } = describeProblems(validation, where)
  return new AuthError('invalid_request', description, { fields })
}

/** Any error as an `AuthError`. An unexpected one becomes a plain `server_error` that reveals nothing. */
const toAuthError = (error: unknown): AuthError => {
  if (error instanceof AuthError) return error
  if (error instanceof DependencyError) {
    return new AuthError('temporarily_unavailable', undefined, { retry_after: DEPENDENCY_RETRY_SECONDS })
  }
  if (!(error instanceof Error)) return new AuthError('server_error')
  const framework: FrameworkError = error
  if (framework.validation)
    return invalidRequest(framework.validation, framework.validationContext ?? 'request')
  if (framework.statusCode === 503) {
    return new AuthError('temporarily_unavailable', undefined, { retry_after: DEPENDENCY_RETRY_SECONDS })
  }
  // Fastify's own refusals of a body: malformed, too large, of another content type.
  const refused =
    framework.statusCode !== undefined && framework.statusCode >= 400 && framework.statusCode < 500
  return refused ? new AuthError('invalid_request', framework.message) : new AuthError('server_error')
}

/** RFC 6750 3: printable ASCII without quotation mark and backslash. */
const quoted = (value: string): string => `"${value.replaceAll(/[^\x20-\x7E]|[\\"]/g, '')}"`

/** Errors that say how to authenticate instead, besides those of a client and of a proof. */
const TOKEN_ERRORS: readonly ErrorCode[] = [
  'invalid_token',
  'insufficient_scope',
  'insufficient_user_authentication',
]

/** What a DPoP proof may be signed with. Only asymmetric algorithms, and none that the FAPI 2.0 Security Profile forbids. */
export const DPOP_ALGORITHMS = ['ES256', 'EdDSA', 'Ed25519', 'PS256']

/** How a request presents its access token. */
export type TokenScheme = 'Bearer' | 'DPoP'

/** Where a request says who sends it: with an access token, or with a client's credentials in a form. */
export type Presented = TokenScheme | 'form'

/** RFC 6750 3, RFC 9449 7.1, RFC 9470 3, RFC 6749 5.2: how to authenticate instead. */
const authenticateHeader = (
  { code, message, details, status }: AuthError,
  presented: Presented,
): string | null => {
  // RFC 6749 5.2: the scheme that the client has used. Where that is none, a challenge would only hide the description from
  // client libraries, which look at this header first.
  if (code === 'invalid_client') return presented === 'form' ? null : 'Basic realm="postern", charset="UTF-8"'
  const ofProof = PROOF_ERRORS.includes(code) && status === 401
  if (!ofProof && !TOKEN_ERRORS.includes(code)) return null
  const scheme = ofProof || presented === 'DPoP' ? 'DPoP' : 'Bearer'
  const parameters = [
    `${scheme} error="${code}"`,
    `error_description=${quoted(message)}`,
    ...(code === 'insufficient_user_authentication'
      ? [`acr_values="${details.acr_values ?? 'aal2'}"`, `max_age="${details.max_age ?? 0}"`]
      : []),
    ...(scheme === 'DPoP' ? [`algs="${DPOP_ALGORITHMS.join(' ')}"`] : []),
  ]
  return parameters.join(', ')
}

/** Renders any error; the one place that does. */
export const renderError = (error: unknown, presented: Presented = 'Bearer'): RenderedError => {
  const known = toAuthError(error)
  const authenticate = authenticateHeader(known, presented)
  return {
    status: known.status,
    body: { error: known.code, error_description: known.message, ...known.details },
    headers: {
      'cache-control': 'no-store',
      ...(authenticate && { 'www-authenticate': authenticate }),
      ...(known.details.retry_after !== undefined && { 'retry-after': String(known.details.retry_after) }),
    },
  }
}
