// The names under which the state of a token and of a network is stored: hashes, so that a dump shows neither.
import { type AccountTokenKind, accountTag, accountTagOf, hashToken } from '../encryption/opaque-token.ts'

/** Where the state of a token lives: with its account, under its hash. */
export type TokenPlace = { tag: string; hash: string }

/** Null where it cannot be a token of that kind. */
export const placeOf = (kind: AccountTokenKind, token: string): TokenPlace | null => {
  const tag = accountTagOf(kind, token)
  return tag === null ? null : { tag, hash: hashToken(token) }
}

/** The place of a token of this account, or null: a token of one account opens nothing of another. */
export const placeOfAccount = (
  kind: AccountTokenKind,
  token: string,
  accountId: string,
): TokenPlace | null => {
  const place = placeOf(kind, token)
  return place?.tag === accountTag(accountId) ? place : null
}

/** @throws {Error} a token that was not made for this account: a mistake in the code. */
export const newPlace = (kind: AccountTokenKind, token: string, accountId: string): TokenPlace => {
  const place = placeOfAccount(kind, token, accountId)
  if (!place) throw new Error(`not a ${kind} token of this account`)
  return place
}

/** 66 bits of base64url. */
const LENGTH = 11

/** An account's network as it is stored: hashed with the account's id, so that a dump has to be searched account by account. */
export const networkHash = (accountId: string, network: string | null): string =>
  network === null ? '' : hashToken(`${accountId} ${network}`).slice(0, LENGTH)

/** 96 bits of base64url: whoever has it, in an access token, cannot make the token part that it is the hash of. */
export const GRANT_ID_LENGTH = 16

/** A grant's id, by the hash of the constant part of its refresh tokens. */
export const grantIdOf = (familyHash: string): string => familyHash.slice(0, GRANT_ID_LENGTH)
