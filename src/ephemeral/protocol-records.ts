// How what the protocol keeps is stored: as in `records.ts`.
import { type Static, Type } from 'typebox'
import type { PushedRequest } from './protocol.ts'
import { readerOf } from './stored-json.ts'

/** `[clientId, clientRegisteredAt, params, jkt]`. */
const StoredPushedRequest = Type.Tuple([
  Type.String(),
  Type.Number(),
  Type.Record(Type.String(), Type.String()),
  Type.Union([Type.String(), Type.Null()]),
])
const readPushedRequest = readerOf(StoredPushedRequest)

export const packPushedRequest = ({ clientId, clientRegisteredAt, params, jkt }: PushedRequest): string => {
  const stored: Static<typeof StoredPushedRequest> = [clientId, clientRegisteredAt, params, jkt]
  return JSON.stringify(stored)
}

export const unpackPushedRequest = (packed: string): PushedRequest | null => {
  const stored = readPushedRequest(packed)
  if (!stored) return null
  const [clientId, clientRegisteredAt, params, jkt] = stored
  return { clientId, clientRegisteredAt, params, jkt }
}
