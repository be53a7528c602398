import t from 'tap'
import { type TSchema, Type } from 'typebox'
import { AuthError } from '../../src/errors.ts'
import { Strict } from '../../src/wire/schemas.ts'
import { validated } from '../../src/wire/validation.ts'

const refusalOf = (schema: TSchema, value: unknown): string => {
  try {
    validated(Strict({ member: schema }), { member: value })
  } catch (error) {
    if (error instanceof AuthError) return error.message
    throw error
  }
  return 'accepted'
}

const NINE = [1, 2, 3, 4, 5, 6, 7, 8, 9]
const EITHER = Type.Union([Type.Literal('a'), Type.Literal('b')])

t.test('a refusal lists what a member may be, at most eight values', async (t) => {
  const cases: [name: string, TSchema, value: unknown, description: string][] = [
    ['one literal', Type.Literal('a'), 'x', 'member must be a.'],
    ['literals', EITHER, 'x', 'member must be one of: a, b.'],
    ['literals, and another type', EITHER, null, 'member must be one of: a, b.'],
    [
      'literals or null',
      Type.Union([EITHER, Type.Null()]),
      'x',
      'member must be one of: a, b; member must be null.',
    ],
    ['numbers', Type.Union([Type.Literal(6), Type.Literal(8)]), '6', 'member must be one of: 6, 8.'],
    [
      'many literals',
      Type.Union(NINE.map((value) => Type.Literal(value))),
      0,
      'member must be one of: 1, 2, 3, 4, 5, 6, 7, 8 and others.',
    ],
    ['a long enum', Type.Enum(NINE), 0, 'member must be one of: 1, 2, 3, 4, 5, 6, 7, 8 and others.'],
  ]
  for (const [name, schema, value, description] of cases) t.equal(refusalOf(schema, value), description, name)
})
