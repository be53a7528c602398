// How responses are written: by the schema of their route, so that a member that is not declared is never sent.
import SerializerSelector from '@fastify/fast-json-stringify-compiler'

/**
 * Fastify's serializer builder, one serializer a schema. Every route declares the same error body ten times
 * over; compiled apart, those are half the work of a start.
 */
export const sharedSerializers = (): SerializerSelector.SerializerFactory => {
  const build = SerializerSelector()
  const known = new Map<unknown, SerializerSelector.Serializer>()
  return (externalSchemas, options) => {
    const compile = build(externalSchemas, options)
    return (route) => {
      const serialize = known.get(route.schema) ?? compile(route)
      known.set(route.schema, serialize)
      return serialize
    }
  }
}
