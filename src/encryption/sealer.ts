// Sealing at rest: AES-256-GCM with key ids.
import { createCipheriv, createDecipheriv } from 'node:crypto'

/** Cryptographically secure random bytes; a dependency, so that tests can fix it. */
export type RandomBytes = (size: number) => Buffer

/** A key that seals and opens: 32 bytes, named by an id that every sealed value carries. */
export type EncryptionKey = { id: string; key: Buffer }

/** Seals with the first key; opens with any. `context` binds a value to its row and column. */
export type Sealer = {
  keyIds: readonly string[]
  seal(plaintext: Buffer, context: string): string
  /** @throws {UnsealError} unknown key id, wrong key, altered value or another context. */
  open(sealed: string, context: string): Buffer
}

export class UnsealError extends Error {
  override readonly name = 'UnsealError'
}

const IV_BYTES = 12
const TAG_BYTES = 16

/** The key id that a sealed value names. */
export const sealedKeyId = (sealed: string): string => sealed.slice(0, sealed.indexOf(':'))

/** A sealer over `keys` (at least one). Sealed form: `<key id>:<base64url of iv, ciphertext and tag>`. */
export const createSealer = (keys: readonly EncryptionKey[], randomBytes: RandomBytes): Sealer => {
  const byId = new Map(keys.map((key) => [key.id, key.key]))
  const [sealing] = keys
  if (!sealing) throw new Error('a sealer needs at least one key')
  return {
    keyIds: keys.map((key) => key.id),
    seal(plaintext, context) {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', sealing.key, iv).setAAD(
        Buffer.from(`${sealing.id}:${context}`),
      )
      const sealed = Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
      return `${sealing.id}:${sealed.toString('base64url')}`
    },
    open(sealed, context) {
      const id = sealedKeyId(sealed)
      const key = byId.get(id)
      if (!key) throw new UnsealError(`no encryption key with id "${id}" is configured`)
      const bytes = Buffer.from(sealed.slice(id.length + 1), 'base64url')
      if (bytes.length < IV_BYTES + TAG_BYTES) throw new UnsealError('a sealed value is cut short')
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES))
        .setAAD(Buffer.from(`${id}:${context}`))
        .setAuthTag(bytes.subarray(-TAG_BYTES))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()])
      } catch {
        throw new UnsealError(`encryption key "${id}" does not open a value that it sealed`)
      }
    },
  }
}

/** The text in a sealed value that comes from outside; null where it was not sealed here, or for another context. */
export const openText = (sealer: Sealer, sealed: string, context: string): string | null => {
  try {
    return sealer.open(sealed, context).toString('utf8')
  } catch (error) {
    if (error instanceof UnsealError) return null
    throw error
  }
}
