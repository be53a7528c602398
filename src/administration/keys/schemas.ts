// How a signing key is shown, to routes and on the command line. Pure.
import { type Static, Type } from 'typebox'
import type { PublishedKey } from '../../tokens/create-signing-key.ts'
import { Timestamp } from '../../wire/schemas.ts'

const KeyItem = Type.Object({
  kid: Type.String({ examples: ['kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'] }),
  algorithm: Type.String({ examples: ['ES256'] }),
  signs_from: Timestamp,
})

export const toKeyItem = ({ kid, algorithm, signsFrom }: PublishedKey): Static<typeof KeyItem> => ({
  kid,
  algorithm,
  signs_from: signsFrom.toISOString(),
})

/** The keys that one rotation has published: the first one's members, and all of them. */
export const RotatedKeys = Type.Object({ ...KeyItem.properties, keys: Type.Array(KeyItem) })

export const toRotatedKeys = (published: readonly PublishedKey[]): Static<typeof RotatedKeys> => {
  const keys = published.map(toKeyItem)
  const [first] = keys
  if (!first) throw new Error('nothing was published')
  return { ...first, keys }
}
