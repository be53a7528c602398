// How long a text may be is in characters, as JSON Schema counts them: one outside of the BMP is one.
import t from 'tap'
import { Type } from 'typebox'
import { validated } from '../../src/wire/validation.ts'

const THREE_TO_FIVE = Type.Object({ text: Type.String({ minLength: 3, maxLength: 5 }) })

for (const text of ['abc', 'abcde', '😀😀😀', '😀😀😀😀😀', 'ab😀', 'äöüßé'])
  t.test(`${text} has three to five characters`, async (t) => {
    t.same(validated(THREE_TO_FIVE, { text }), { text })
  })

for (const text of ['', 'ab', '😀😀', 'a😀', 'abcdef', '😀😀😀😀😀😀', 'abcde😀'])
  t.test(`${text || 'an empty text'} has not`, async (t) => {
    t.throws(() => validated(THREE_TO_FIVE, { text }), {
      code: 'invalid_request',
      details: { fields: ['text'] },
    })
  })
