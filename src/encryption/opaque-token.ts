// Opaque tokens and secrets: how they are made, distinguished, hashed and compared, and the account tag in them.
import { hash, timingSafeEqual } from 'node:crypto'
import type { RandomBytes } from './sealer.ts'

/** Length of an account tag in base64url: 9 bytes. */
export const ACCOUNT_TAG_LENGTH = 12

/** SHA-256 in base64url: how every opaque token is stored. They carry 256 random bits, so no salt is needed. */
export const hashToken = (token: string): string => hash('sha256', token, 'base64url')

/**
 * The Redis hash tag that all keys of one account share. It is a hash, so that a dump of the keys shows no account id;
 * a UUIDv7 has 74 random bits, so the id cannot be found by trying.
 */
export const accountTag = (accountId: string): string =>
  hashToken(`postern account tag:${accountId}`).slice(0, ACCOUNT_TAG_LENGTH)

/** True for a token that `hashed` is the hash of; compared in constant time. */
export const isHashOf = (hashed: string, token: string): boolean => {
  const [a, b] = [Buffer.from(hashed), Buffer.from(hashToken(token))]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Prefixes of opaque tokens: one kind is never mistaken for another, and secret scanners find them. */
export const TOKEN_PREFIXES = {
  challenge: 'pst_ch_',
  enrollment: 'pst_en_',
  refresh: 'pst_rt_',
  code: 'pst_ac_',
  clientSecret: 'pst_cs_',
  browserSession: 'pst_bs_',
  registration: 'pst_rg_',
} as const

const SECRET_BYTES = 32
const SECRET_LENGTH = 43

/** What a token of an account alone is for. */
export type AccountTokenKind = 'challenge' | 'enrollment' | 'code'

/** A new opaque token of an account: prefix, the account's tag (which names its Redis slot), 256 random bits. */
export const newAccountToken = (
  kind: AccountTokenKind,
  accountId: string,
  randomBytes: RandomBytes,
): string => TOKEN_PREFIXES[kind] + accountTag(accountId) + randomBytes(SECRET_BYTES).toString('base64url')

/** The account tag inside a token, or null where it cannot be a token of that kind. */
export const accountTagOf = (kind: AccountTokenKind, token: string): string | null => {
  const prefix = TOKEN_PREFIXES[kind]
  const length = prefix.length + ACCOUNT_TAG_LENGTH + SECRET_LENGTH
  if (token.length !== length || !token.startsWith(prefix) || !/^[\w-]+$/.test(token)) return null
  return token.slice(prefix.length, prefix.length + ACCOUNT_TAG_LENGTH)
}

/** A new client secret: 256 random bits, so its SHA-256 is enough to store. */
export const newClientSecret = (randomBytes: RandomBytes): string =>
  TOKEN_PREFIXES.clientSecret + randomBytes(SECRET_BYTES).toString('base64url')

/** A new token that confirms a registration, in a link. */
export const newRegistrationToken = (randomBytes: RandomBytes): string =>
  TOKEN_PREFIXES.registration + randomBytes(SECRET_BYTES).toString('base64url')
