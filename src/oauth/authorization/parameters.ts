// The parameters of an authorization request as they came: from a query, a form, or a pushed request. Pure.
import { AuthError } from '../../errors.ts'

/** `resource` may be repeated (RFC 8707 2); every other parameter is there at most once (RFC 6749 3.1). */
export type AuthorizationParameters = Record<string, string | string[]>

/** Those that Postern reads. Others are ignored (RFC 6749 3.1), and not kept. */
const READ = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'prompt',
  'max_age',
  'acr_values',
  'login_hint',
  'id_token_hint',
  'ui_locales',
  'claims',
  'resource',
  'dpop_jkt',
  'request',
  'request_uri',
  'registration',
] as const

type Name = (typeof READ)[number]

/** Together these are what a browser carries along in the pages' URLs, whose limit is 16 KB. */
const MAX_TOTAL_LENGTH = 8_000
const MAX_RESOURCES = 10

/**
 * The parameters that Postern reads.
 * @throws {AuthError} invalid_request, where they are too long together.
 */
export const readParameters = (given: Record<string, unknown>): AuthorizationParameters => {
  const read: AuthorizationParameters = {}
  let length = 0
  for (const name of READ) {
    const value = given[name]
    const values = (Array.isArray(value) ? value : [value]).filter(
      // RFC 6749 3.1: a parameter without a value is treated as if it were not there.
      (one): one is string => typeof one === 'string' && one !== '',
    )
    const [only] = values
    if (only === undefined) continue
    length += values.reduce((sum, one) => sum + one.length, name.length)
    read[name] = values.length === 1 ? only : values
  }
  if (length <= MAX_TOTAL_LENGTH) return read
  throw new AuthError(
    'invalid_request',
    `The authorization request is longer than ${MAX_TOTAL_LENGTH} characters; push it to /oauth2/par, or make it shorter.`,
  )
}

/** The one value of a parameter; null where there is none, undefined where there are several. */
export const oneOf = (parameters: AuthorizationParameters, name: Name): string | null | undefined => {
  const value = parameters[name]
  return Array.isArray(value) ? undefined : (value ?? null)
}

/** The first parameter that is there more often than it may be; null where there is none. */
export const repeatedParameter = (parameters: AuthorizationParameters): string | null => {
  const [name = null] =
    Object.entries(parameters).find(([key, value]) => Array.isArray(value) && key !== 'resource') ?? []
  return name
}

/** @throws {AuthError} invalid_target, where there are too many to keep. */
export const resourcesOf = ({ resource = [] }: AuthorizationParameters): string[] => {
  const resources = [...new Set([resource].flat())]
  if (resources.length <= MAX_RESOURCES) return resources
  throw new AuthError('invalid_target', `At most ${MAX_RESOURCES} resources a request.`)
}
