// Recovery codes: saved, looked up, used once (NIST SP 800-63B 3.1.2). Pure: making, reading and hashing them.
import { hash, timingSafeEqual } from 'node:crypto'
import { v7 as uuidv7 } from 'uuid'
import type { RandomBytes } from '../../encryption/sealer.ts'

// Crockford's base32: no I, L, O or U, so that a code can be read aloud and typed from paper.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 16
const SALT_BYTES = 16

/** What a recovery code may look like when it is typed: upper or lower case, I, L and O misread, groups or none. */
export const RECOVERY_CODE_PATTERN = '^(?:[0-9A-TV-Za-tv-z]{4}-?){3}[0-9A-TV-Za-tv-z]{4}$'

/** 16 symbols of 5 bits: 80 bits, in groups of four. */
export const newRecoveryCode = (randomBytes: RandomBytes): string => {
  const symbols = [...randomBytes(LENGTH)].map((byte) => ALPHABET[byte % ALPHABET.length])
  return symbols.join('').replaceAll(/.{4}(?=.)/g, '$&-')
}

/** The code as it was made, from the code as it was typed (Crockford's decoding). */
export const normalizeRecoveryCode = (typed: string): string =>
  typed.toUpperCase().replaceAll('-', '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')

/** 80 random bits need no slow hash; the salt keeps equal codes of two accounts apart. */
export const hashRecoveryCode = (code: string, salt: Buffer): Buffer =>
  hash('sha256', Buffer.concat([salt, Buffer.from(normalizeRecoveryCode(code))]), 'buffer')

export type StoredRecoveryCode = { id: string; salt: Buffer; codeHash: Buffer }

/** A new set: the codes to show once, and how each is stored, with a salt of its own. */
export const newRecoveryCodes = (
  randomBytes: RandomBytes,
  count: number,
): { codes: string[]; stored: StoredRecoveryCode[] } => {
  const codes = Array.from({ length: count }, () => newRecoveryCode(randomBytes))
  const stored = codes.map((code) => {
    const salt = randomBytes(SALT_BYTES)
    return { id: uuidv7(), salt, codeHash: hashRecoveryCode(code, salt) }
  })
  return { codes, stored }
}

/** The stored code that was typed, or null. Compares with every one, so that the time taken reveals nothing. */
export const matchRecoveryCode = (
  stored: readonly StoredRecoveryCode[],
  typed: string,
): StoredRecoveryCode | null => {
  const matches = stored.filter(({ salt, codeHash }) =>
    timingSafeEqual(hashRecoveryCode(typed, salt), codeHash),
  )
  return matches[0] ?? null
}
