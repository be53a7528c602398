// How requests are validated: every problem is named, nothing is coerced or dropped in a body. Query strings
// are text, so there numbers and booleans are read from it.
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyRequest, FastifySchemaCompiler } from 'fastify'
import type { Static, TSchema } from 'typebox'
import { invalidRequest } from '../errors.ts'
import { isNetwork } from './network.ts'

const OPTIONS = {
  allErrors: true,
  useDefaults: true,
  removeAdditional: false,
  strict: false,
  // The schemas are the program's own: to check them against JSON Schema's would take a tenth of the start.
  validateSchema: false,
  meta: false,
} as const
const FORMATS = ['date-time', 'email', 'ipv4', 'ipv6', 'uri'] as const

const withFormats = (ajv: Ajv): Ajv => {
  addFormats.default(ajv, [...FORMATS])
  return ajv.addFormat('network', isNetwork)
}

const strict = withFormats(new Ajv({ ...OPTIONS, coerceTypes: false }))
const fromText = withFormats(new Ajv({ ...OPTIONS, coerceTypes: true }))

/** Fastify's validator compiler. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  (httpPart === 'querystring' ? fromText : strict).compile(schema)

/**
 * What a caller other than HTTP gives (the command line), checked as a body would be.
 * @throws {AuthError} invalid_request, naming the members
 */
export const validated = <T extends TSchema>(schema: T, value: unknown): Static<T> => {
  const validate = strict.compile<Static<T>>(schema)
  if (validate(value)) return value
  throw invalidRequest(validate.errors ?? [], 'input')
}

/** A `preValidation` hook for routes whose body's members are all optional: no body is an empty one. */
export const admitNoBody = async (request: FastifyRequest): Promise<void> => {
  if (request.body === undefined) request.body = {}
}
