import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { routesOf } from '../support/routes.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

type Schema = { [keyword: string]: unknown }

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const schemasIn = (value: unknown): Schema[] =>
  (Array.isArray(value) ? value : isSchema(value) ? Object.values(value) : []).filter(isSchema)

/** What of one schema has no end; its parts are looked at by themselves. */
const unboundedHere = (schema: Schema): string | null => {
  if ('const' in schema || 'enum' in schema || 'anyOf' in schema || 'oneOf' in schema) return null
  switch (schema.type) {
    case 'boolean':
    case 'integer':
    case 'number':
    case 'null':
      return null
    case 'string':
      return typeof schema.maxLength === 'number' ? null : 'a string without maxLength'
    case 'array':
      return typeof schema.maxItems === 'number' ? null : 'an array without maxItems'
    case 'object':
      return (schema.additionalProperties === false ||
        (isSchema(schema.additionalProperties) && typeof schema.maxProperties === 'number')) &&
        !('patternProperties' in schema)
        ? null
        : 'an object that admits any member'
    default:
      return 'a schema without one type'
  }
}

/** Every unbounded part of a schema, by its place in it. */
const unbounded = (schema: Schema, place: string): string[] => {
  const here = unboundedHere(schema)
  const below = Object.entries(schema).flatMap(([keyword, value]) => {
    if (keyword === 'properties') {
      return Object.entries(isSchema(value) ? value : {}).flatMap(([member, one]) =>
        isSchema(one) ? unbounded(one, `${place}/${member}`) : [],
      )
    }
    if (['anyOf', 'oneOf', 'allOf'].includes(keyword))
      return schemasIn(value).flatMap((one, index) => unbounded(one, `${place}/${keyword}/${index}`))
    return ['items', 'additionalItems', 'additionalProperties', 'contains'].includes(keyword) &&
      isSchema(value)
      ? unbounded(value, `${place}/${keyword}`)
      : []
  })
  return here ? [`${place}: ${here}`, ...below] : below
}

t.test('every string, array and object that a request may hold has an end', { skip }, async (t) => {
  const { routes } = await routesOf(() => openTestApp(t))
  t.ok(routes.length > 60, 'there are routes to walk')
  for (const { method, url, schema } of routes) {
    const { body, querystring, params, headers } = (schema ?? {}) as Record<string, unknown>
    // A request has headers that no route asks for; Node bounds them all together.
    const named = isSchema(headers) ? { ...headers, additionalProperties: false } : headers
    for (const [part, one] of Object.entries({ body, querystring, params, headers: named })) {
      if (isSchema(one)) t.same(unbounded(one, part), [], `${method} ${url}`)
    }
  }
})

t.test('the walk finds what has no end, however deep it is', async (t) => {
  for (const [schema, found] of [
    [{ type: 'string' }, 1],
    [{ type: 'string', pattern: '^a*$' }, 1],
    [{ type: 'string', maxLength: 9 }, 0],
    [{ type: 'array', maxItems: 3, items: { type: 'string' } }, 1],
    [{ type: 'array', items: { type: 'array' } }, 2],
    [{ type: 'object', properties: { a: { type: 'object' } } }, 2],
    [{ type: 'object', additionalProperties: false, properties: { a: { type: 'string' } } }, 1],
    [{ anyOf: [{ type: 'null' }, { anyOf: [{ type: 'string' }, {}] }] }, 2],
    [{}, 1],
  ] as const) {
    t.equal(unbounded(schema, 'body').length, found, JSON.stringify(schema))
  }
})
