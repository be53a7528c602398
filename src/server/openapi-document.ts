// Turns the document that @fastify/swagger makes of the routes into one for people and generators: schemas with a title
// are there once, under their title, and every operation has an id. Pure.

type Json = null | boolean | number | string | Json[] | { [member: string]: Json }
type JsonObject = { [member: string]: Json }

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const mapMembers = (value: Json | undefined, map: (name: string, member: Json) => Json): JsonObject =>
  isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, map(name, member)]))
    : {}

/** Every response needs a description, and swagger's default one says nothing. */
const ANSWERS: JsonObject = {
  200: 'Done.',
  201: 'Made.',
  202: 'Taken on.',
  204: 'Done; there is no body.',
  503: 'Not ready.',
}

const describeAnswer = (status: string, answer: Json): Json =>
  isObject(answer) && answer.description === 'Default Response'
    ? { ...answer, description: ANSWERS[status] ?? 'The answer.' }
    : answer

type Shared = { schemas: JsonObject; examples: JsonObject }

/** Moves every titled schema and every error's example below `value` into `shared`, and leaves a reference. */
const hoist = (value: Json, shared: Shared): Json => {
  if (Array.isArray(value)) return value.map((item) => hoist(item, shared))
  if (!isObject(value)) return value
  const members = mapMembers(value, (name, member) => {
    if (name === 'examples') return hoistExamples(member, shared)
    return name === 'example' ? member : hoist(member, shared)
  })
  const { title, ...rest } = members
  if (typeof title !== 'string' || !('type' in rest || 'anyOf' in rest)) return members
  shared.schemas[title] = merged(title, shared.schemas[title], members)
  return { $ref: `#/components/schemas/${title}` }
}

/** Named examples are those of error codes, one for each code. A list of examples belongs to a schema and stays. */
const hoistExamples = (examples: Json, shared: Shared): Json => {
  if (!isObject(examples)) return examples
  return mapMembers(examples, (code, example) => {
    shared.examples[code] = example
    return { $ref: `#/components/examples/${code}` }
  })
}

/** A body's examples have been moved beside its schema; elsewhere the same schema still has them. */
const merged = (title: string, known: Json | undefined, met: JsonObject): JsonObject => {
  if (!isObject(known)) return met
  const { examples: knownExamples, ...knownMembers } = known
  const { examples: metExamples, ...metMembers } = met
  if (JSON.stringify(knownMembers) !== JSON.stringify(metMembers))
    throw new Error(`two schemas have the title ${title}`)
  return knownExamples === undefined ? met : known
}

const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

/** `POST /v1/admin/clients/{client_id}/rotate-secret` is `postAdminClientsByClientIdRotateSecret`. */
const operationId = (method: string, path: string): string => {
  const words = path
    .replace(/^\/v1/, '')
    .replaceAll(/\{(\w+)\}/g, 'by-$1')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
  return method + words.map(capitalised).join('')
}

const tidyOperation = (method: string, path: string, operation: Json): JsonObject => ({
  operationId: operationId(method, path),
  ...(isObject(operation) && {
    ...operation,
    responses: mapMembers(operation.responses, describeAnswer),
  }),
})

/** @throws {Error} where two schemas that differ have one title. */
export const tidyDocument = (document: object): object => {
  // A plain copy: TypeBox's schemas are shared between routes, and carry what JSON does not.
  const { paths, components, ...rest }: JsonObject = JSON.parse(JSON.stringify(document))
  const tidied = mapMembers(paths, (path, operations) =>
    mapMembers(operations, (method, operation) => tidyOperation(method, path, operation)),
  )
  const shared: Shared = { schemas: {}, examples: {} }
  return {
    ...rest,
    paths: hoist(tidied, shared),
    components: {
      ...(isObject(components) && components),
      schemas: sorted(shared.schemas),
      examples: sorted(shared.examples),
    },
  }
}

const sorted = (members: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)))
