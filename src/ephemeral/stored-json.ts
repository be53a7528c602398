// How stored JSON is read: by a schema, and as null where it is not of that schema.
import { Ajv } from 'ajv'
import type { Static, TSchema } from 'typebox'

// The schemas are the program's own: they are not checked.
const ajv = new Ajv({ strict: false, validateSchema: false, meta: false, logger: false })

/** Reads what is of that schema; null for anything else. */
export const readerOf = <Schema extends TSchema>(
  schema: Schema,
): ((packed: string) => Static<Schema> | null) => {
  const isStored = ajv.compile<Static<Schema>>(schema)
  return (packed) => {
    try {
      const stored: unknown = JSON.parse(packed)
      return isStored(stored) ? stored : null
    } catch {
      return null
    }
  }
}
