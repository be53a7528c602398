// How a signing key is shown, to routes and on the command line. Pure.
import { type Static, Type } from 'typebox'
import type { PublishedKey } from '../../tokens/create-signing-key.ts'
import { Timestamp } from '../../wire/schemas.ts'

export const KeyItem = Type.Object({
  kid: Type.String({ examples: ['kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'] }),
  algorithm: Type.String({ examples: ['ES256'] }),
  signs_from: Timestamp,
})

export const toKeyItem = ({ kid, algorithm, signsFrom }: PublishedKey): Static<typeof KeyItem> => ({
  kid,
  algorithm,
  signs_from: signsFrom.toISOString(),
})
