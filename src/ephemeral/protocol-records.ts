// How what the protocol keeps is stored: as in `records.ts`.
import { type Static, Type } from 'typebox'
import type { CodeRecord, PushedRequest } from './protocol.ts'
import { packGrant, unpackGrant } from './records.ts'
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

const TextOrNull = Type.Union([Type.String(), Type.Null()])

/** `[accountId, sid, isRenewable, nonce, redirectUri, codeChallenge, binding, jkt, issuedAt]`; the grant is beside it. */
const StoredCode = Type.Tuple([
  Type.String(),
  Type.String(),
  Type.Boolean(),
  TextOrNull,
  Type.String(),
  TextOrNull,
  Type.String(),
  TextOrNull,
  Type.Number(),
])
const readCode = readerOf(StoredCode)

/** A code as it is stored: `own` as its grant will have it. */
export type PackedCode = { own: string; record: string }

export const packCode = (code: CodeRecord): PackedCode => {
  const { accountId, sid, isRenewable, nonce, redirectUri, codeChallenge, binding, jkt, issuedAt } = code
  const bound = [nonce, redirectUri, codeChallenge, binding, jkt, issuedAt] as const
  const stored: Static<typeof StoredCode> = [accountId, sid, isRenewable, ...bound]
  return { own: packGrant(code.grant), record: JSON.stringify(stored) }
}

export const unpackCode = ({ own, record }: PackedCode): CodeRecord | null => {
  const grant = unpackGrant(own)
  const stored = readCode(record)
  if (!grant || !stored) return null
  const [accountId, sid, isRenewable, nonce, redirectUri, codeChallenge, binding, jkt, issuedAt] = stored
  return { accountId, sid, grant, isRenewable, nonce, redirectUri, codeChallenge, binding, jkt, issuedAt }
}
