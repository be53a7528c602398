// Whether a password is the one that a hash was made of. Each scheme works on libuv's or a library's own
// threads, never on the event loop.
import { hash, pbkdf2, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { verify as verifyArgon2 } from '@node-rs/argon2'
import { verify as verifyBcrypt } from '@node-rs/bcrypt'
import type { PasswordHash } from './password-hash.ts'

type Of<Scheme> = Extract<PasswordHash, { scheme: Scheme }>

const derivePbkdf2 = promisify(pbkdf2)
const deriveScrypt = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

const matchBcrypt = (password: string, { encoded, prehashed }: Of<'bcrypt'>): Promise<boolean> =>
  verifyBcrypt(prehashed ? hash('sha256', password, 'hex') : password, encoded)

const matchPbkdf2 = async (
  password: string,
  { salt, iterations, key, digest }: Of<'pbkdf2'>,
): Promise<boolean> =>
  timingSafeEqual(await derivePbkdf2(password, salt, iterations, key.length, digest), key)

const matchScrypt = async (password: string, stored: Of<'scrypt'>): Promise<boolean> => {
  const { salt, key, cost, blockSize, parallelization } = stored
  // What the algorithm takes (RFC 7914), and some more for the library.
  const maxmem = 128 * blockSize * (cost + parallelization + 2)
  const options = { cost, blockSize, parallelization, maxmem }
  return timingSafeEqual(await deriveScrypt(password, salt, key.length, options), key)
}

/** `password` is NFC-normalised. */
export const matchPassword = (password: string, stored: PasswordHash): Promise<boolean> => {
  if (stored.scheme === 'argon2') return verifyArgon2(stored.phc, password)
  if (stored.scheme === 'bcrypt') return matchBcrypt(password, stored)
  if (stored.scheme === 'pbkdf2') return matchPbkdf2(password, stored)
  return matchScrypt(password, stored)
}
