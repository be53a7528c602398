// How requests are validated: the first problem is named, nothing is coerced or dropped in a body. Query strings
// are text, so there numbers and booleans are read from it.
// Decision: validation stops at the first problem, because a hostile body can have as many problems as its lists have
// items (docs/security.md 40).
import { isIPv4, isIPv6 } from 'node:net'
import { _, Ajv, type CodeKeywordDefinition, str } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyRequest, FastifySchemaCompiler } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { invalidRequest } from '../errors.ts'
import { isAddress, isNetwork } from './end-user.ts'
import { isTimestamp } from './timestamp.ts'

const OPTIONS = {
  allErrors: false,
  useDefaults: true,
  removeAdditional: false,
  strict: false,
  // The schemas are the program's own: checking them against JSON Schema would take a tenth of the start.
  validateSchema: false,
  meta: false,
  // Ajv's remarks on schemas are for developers, and would go to standard error, into the log.
  logger: false,
} as const
const countCharacters = (text: string): number => [...text].length

/**
 * Ajv's own keywords count the characters of every text, twice where it has both bounds, and an access token has hundreds.
 * A text has at most as many as UTF-16 units, and at least half as many: only one that is near its bound is counted.
 */
const boundedLength = (keyword: 'minLength' | 'maxLength'): CodeKeywordDefinition => ({
  keyword,
  type: 'string',
  schemaType: 'number',
  error: {
    message: ({ schemaCode }) =>
      str`must NOT have ${keyword === 'maxLength' ? 'more' : 'fewer'} than ${schemaCode} characters`,
    params: ({ schemaCode }) => _`{limit: ${schemaCode}}`,
  },
  code(cxt) {
    const { data, schemaCode, gen } = cxt
    const count = gen.scopeValue('func', { ref: countCharacters })
    cxt.fail(
      keyword === 'maxLength'
        ? _`${data}.length > ${schemaCode} && ${count}(${data}) > ${schemaCode}`
        : _`${data}.length < ${schemaCode} * 2 && ${count}(${data}) < ${schemaCode}`,
    )
  },
})

const withFormats = (ajv: Ajv): Ajv => {
  addFormats.default(ajv, ['email'])
  for (const keyword of ['minLength', 'maxLength'] as const)
    ajv.removeKeyword(keyword).addKeyword(boundedLength(keyword))
  return ajv
    .addFormat('date-time', isTimestamp)
    .addFormat('ipv4', isIPv4)
    .addFormat('ipv6', (text) => isIPv6(text) && isAddress(text))
    .addFormat('network', isNetwork)
}

const strict = withFormats(new Ajv({ ...OPTIONS, coerceTypes: false }))
const fromText = withFormats(new Ajv({ ...OPTIONS, coerceTypes: true }))

/** Fastify's validator compiler. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  (httpPart === 'querystring' ? fromText : strict).compile(schema)

/**
 * Checks input that does not come over HTTP (the command line) as a body would be checked.
 * @throws {AuthError} invalid_request, naming the members
 */
export const validated = <T extends TSchema>(schema: T, value: unknown): Static<T> => {
  const validate = strict.compile<Static<T>>(schema)
  if (validate(value)) return value
  throw invalidRequest(validate.errors ?? [], 'input')
}

/** A `preValidation` hook for routes whose body's members are all optional: no body counts as an empty one. */
export const admitNoBody = async (request: FastifyRequest): Promise<void> => {
  if (request.body === undefined) request.body = {}
}
