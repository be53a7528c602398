// Schemas that several routes share. Strict: unknown members are refused, and nothing in a body is coerced. Every string
// and array of a request has a limit, because it is checked on the event loop (docs/security.md 40).
import { type Static, type TObject, type TProperties, Type } from 'typebox'
import { ERROR_CODES, type ErrorCode, PROOF_ERRORS } from '../errors.ts'

/** An object that admits no other members. */
export const Strict = <T extends TProperties>(properties: T, options: object = {}): TObject<T> =>
  Type.Object(properties, { additionalProperties: false, ...options })

const ParameterValue = Type.String({ maxLength: 16_384 })

/** As an option of an object: it admits any parameter, and has an end. */
export const ANY_PARAMETERS = {
  additionalProperties: Type.Union([ParameterValue, Type.Array(ParameterValue, { maxItems: 20 })]),
  maxProperties: 100,
}

/**
 * The parameters of an endpoint that ignores those it does not know, and answers the client where one is repeated (RFC 6749
 * 3.1): `described` by name.
 */
export const OpenParameters = (described: Record<string, string>, options: object = {}) => {
  const members = Object.entries(described).map(([name, description]) => [
    name,
    Type.Optional(
      Type.Union([ParameterValue, Type.Array(ParameterValue, { maxItems: 20 })], { description }),
    ),
  ])
  return Type.Object(Object.fromEntries(members), { ...ANY_PARAMETERS, ...options })
}

/** Text without control characters or lone surrogates, which neither a log nor PostgreSQL accepts. */
export const PlainText = (options: { minLength?: number; maxLength: number; description?: string }) =>
  Type.String({ pattern: '^[^\\p{Cc}\\p{Cs}]*$', ...options })

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export const Uuid = Type.String({
  maxLength: 36,
  pattern: UUID.source,
  examples: ['01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11'],
})

/** Someone's IP address, as a request names it. */
export const Address = (description: string) =>
  Type.Union(
    [Type.String({ maxLength: 15, format: 'ipv4' }), Type.String({ maxLength: 45, format: 'ipv6' })],
    { description },
  )

export const Timestamp = Type.String({
  maxLength: 35,
  format: 'date-time',
  examples: ['2026-11-21T09:30:00.000Z'],
})

export const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

/** Query members of a paged list: `limit` (1 to 200) and the opaque `cursor` of the page before. */
export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Items a page.' })),
  cursor: Type.Optional(
    Type.String({ maxLength: 512, description: '`next_cursor` of the page before; absent for the first.' }),
  ),
}

/** One page of a list. */
export const Page = <T extends Parameters<typeof Type.Array>[0]>(item: T) =>
  Type.Object({ items: Type.Array(item), next_cursor: Nullable(Type.String()) })

export const ErrorBody = Type.Object(
  {
    error: Type.String(),
    error_description: Type.String(),
    request_id: Type.Optional(Type.String()),
    retry_after: Type.Optional(Type.Integer({ description: 'Seconds.' })),
    attempts_remaining: Type.Optional(Type.Integer()),
    fields: Type.Optional(Type.Array(Type.String())),
    acr_values: Type.Optional(Type.String()),
    max_age: Type.Optional(Type.Integer({ description: 'Seconds.' })),
    challenge_token: Type.Optional(
      Type.String({ description: 'Renewal only: the challenge whose answer renews the session.' }),
    ),
    expires_in: Type.Optional(Type.Integer({ description: 'Seconds.' })),
    methods: Type.Optional(Type.Array(Type.Object({ method: Type.String() }))),
  },
  { title: 'Error', description: 'The one error shape (RFC 6749 5.2, with more members).' },
)
export type ErrorBody = Static<typeof ErrorBody>

const EXAMPLE_DETAILS: Partial<Record<ErrorCode, object>> = {
  invalid_request: { fields: ['code'] },
  invalid_code: { attempts_remaining: 2 },
  too_many_attempts: { retry_after: 30 },
  rate_limited: { retry_after: 30 },
  account_locked: { retry_after: 900 },
  temporarily_unavailable: { retry_after: 1 },
  insufficient_user_authentication: { acr_values: 'aal2', max_age: 900 },
}

/** Codes that any route can answer: malformed input, too many requests, a dependency that is away. */
const EVERYWHERE: ErrorCode[] = ['invalid_request', 'rate_limited', 'server_error', 'temporarily_unavailable']

/** Routes that take a token refuse one whose scope does not fit, or that is bound to a key which is not proven. */
const alsoGiven = (code: ErrorCode): ErrorCode[] =>
  code === 'invalid_token' ? [code, 'insufficient_scope', ...PROOF_ERRORS] : [code]

/** The error responses of a route, by status, each with an example a code: what `openapi.yaml` shows. */
export const errorResponses = (...codes: ErrorCode[]): Record<number, object> => {
  const responses: Record<
    number,
    { description: string; content: { 'application/json': { examples: object } } }
  > = {}
  const takesTokens = codes.includes('invalid_token')
  for (const code of new Set([...codes.flatMap(alsoGiven), ...EVERYWHERE])) {
    const [usual, description] = ERROR_CODES[code]
    const status = takesTokens && PROOF_ERRORS.includes(code) ? 401 : usual
    const value = {
      error: code,
      error_description: description,
      ...EXAMPLE_DETAILS[code],
      request_id: 'req-1',
    }
    const known = responses[status]
    responses[status] = {
      description: known ? `${known.description}, \`${code}\`` : `\`${code}\``,
      content: {
        'application/json': {
          schema: ErrorBody,
          examples: { ...known?.content['application/json'].examples, [code]: { value } },
        },
      } as never,
    }
  }
  return responses
}
