// What stored password hashes look like: Postern's own Argon2id, and those that come with imported accounts.
// Pure. Costs are bounded, so that no imported row can make a sign-in take minutes or gigabytes.

/** OWASP's and NIST's choice: 19 MiB, two passes, one lane. Stored in every PHC string. */
export const ARGON2_PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

export type PasswordHash =
  | { scheme: 'argon2'; phc: string; current: boolean }
  /** `prehashed`: of the hex SHA-256 of the password, as Django's `bcrypt_sha256`. */
  | { scheme: 'bcrypt'; encoded: string; prehashed: boolean }
  | { scheme: 'pbkdf2'; digest: string; iterations: number; salt: Buffer; key: Buffer }
  | { scheme: 'scrypt'; cost: number; blockSize: number; parallelization: number; salt: Buffer; key: Buffer }

// Each about a second of one core, or 256 MiB.
const MAX_ARGON2 = { memoryCost: 262_144, timeCost: 16, parallelism: 8 }
const BCRYPT_COST = { min: 4, max: 14 }
const MAX_PBKDF2_ITERATIONS = 3_000_000
const MAX_SCRYPT_BYTES = 256 * 1024 * 1024
const MAX_SCRYPT_PARALLELIZATION = 4

/** A derived key shorter than this could be matched by chance; with no bytes, every password would match. */
const MIN_KEY_BYTES = 16
const MAX_KEY_BYTES = 128

type Groups = Record<string, string>
type Form = { pattern: RegExp; read: (groups: Groups) => PasswordHash | null }

const fits = (value: number, max: number): boolean => value >= 1 && value <= max
const keyFits = ({ length }: Buffer): boolean => length >= MIN_KEY_BYTES && length <= MAX_KEY_BYTES

// Passlib writes `.` for `+`.
const fromBase64 = (text = ''): Buffer => Buffer.from(text.replaceAll('.', '+'), 'base64')
const fromHex = (text = ''): Buffer => Buffer.from(text, 'hex')

const argon2 = ({ phc = '', type, m, t, p }: Groups): PasswordHash | null => {
  const [memoryCost, timeCost, parallelism] = [Number(m), Number(t), Number(p)]
  const bounded =
    fits(memoryCost, MAX_ARGON2.memoryCost) &&
    fits(timeCost, MAX_ARGON2.timeCost) &&
    fits(parallelism, MAX_ARGON2.parallelism)
  if (!bounded) return null
  const current =
    type === 'id' &&
    memoryCost >= ARGON2_PARAMETERS.memoryCost &&
    timeCost >= ARGON2_PARAMETERS.timeCost &&
    parallelism >= ARGON2_PARAMETERS.parallelism
  return { scheme: 'argon2', phc, current }
}

const bcrypt = ({ encoded = '', cost, django }: Groups): PasswordHash | null => {
  if (Number(cost) < BCRYPT_COST.min || Number(cost) > BCRYPT_COST.max) return null
  return { scheme: 'bcrypt', encoded, prehashed: django === 'bcrypt_sha256' }
}

const pbkdf2 = (digest = '', rounds = '', salt: Buffer, key: Buffer): PasswordHash | null => {
  const iterations = Number(rounds)
  if (!fits(iterations, MAX_PBKDF2_ITERATIONS) || !keyFits(key)) return null
  return { scheme: 'pbkdf2', digest, iterations, salt, key }
}

const scrypt = (
  { blockSize: r, parallelization: p }: Groups,
  cost: number,
  salt: Buffer,
  key: Buffer,
): PasswordHash | null => {
  const [blockSize, parallelization] = [Number(r), Number(p)]
  // RFC 7914 2: the cost is a power of two greater than one.
  const bounded =
    Number.isInteger(Math.log2(cost)) &&
    cost > 1 &&
    fits(parallelization, MAX_SCRYPT_PARALLELIZATION) &&
    fits(128 * cost * blockSize, MAX_SCRYPT_BYTES)
  return bounded && keyFits(key) ? { scheme: 'scrypt', cost, blockSize, parallelization, salt, key } : null
}

const FORMS: Form[] = [
  // The PHC string format; Django writes "argon2" before it.
  {
    pattern:
      /^(?:argon2)?(?<phc>\$argon2(?<type>id|i|d)\$v=19\$m=(?<m>\d{1,8}),t=(?<t>\d{1,4}),p=(?<p>\d{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,171})$/,
    read: argon2,
  },
  // OpenBSD's modular form; Django writes its own name before it.
  {
    pattern: /^(?:(?<django>bcrypt|bcrypt_sha256)\$)?(?<encoded>\$2[aby]\$(?<cost>\d\d)\$[./A-Za-z0-9]{53})$/,
    read: bcrypt,
  },
  // Django.
  {
    pattern:
      /^pbkdf2_(?<digest>sha1|sha256)\$(?<rounds>\d{1,8})\$(?<salt>[^$]{1,128})\$(?<key>[A-Za-z0-9+/]+=*)$/,
    read: ({ digest, rounds, salt = '', key }) => pbkdf2(digest, rounds, Buffer.from(salt), fromBase64(key)),
  },
  // Werkzeug (Flask).
  {
    pattern:
      /^pbkdf2:(?<digest>sha1|sha256|sha512):(?<rounds>\d{1,8})\$(?<salt>[^$]{1,128})\$(?<key>(?:[0-9a-f]{2})+)$/,
    read: ({ digest, rounds, salt = '', key }) => pbkdf2(digest, rounds, Buffer.from(salt), fromHex(key)),
  },
  {
    pattern:
      /^scrypt:(?<cost>\d{1,8}):(?<blockSize>\d{1,3}):(?<parallelization>\d{1,2})\$(?<salt>[^$]{1,128})\$(?<key>(?:[0-9a-f]{2})+)$/,
    read: (groups) =>
      scrypt(groups, Number(groups.cost), Buffer.from(groups.salt ?? ''), fromHex(groups.key)),
  },
  // Passlib, and the PHC string format (`i=`).
  {
    pattern:
      /^\$pbkdf2-(?<digest>sha256|sha512)\$(?:i=)?(?<rounds>\d{1,8})(?:,l=\d+)?\$(?<salt>[A-Za-z0-9+/.]{1,128})\$(?<key>[A-Za-z0-9+/.]+)$/,
    read: ({ digest, rounds, salt, key }) => pbkdf2(digest, rounds, fromBase64(salt), fromBase64(key)),
  },
  {
    pattern:
      /^\$scrypt\$ln=(?<log>\d{1,2}),r=(?<blockSize>\d{1,3}),p=(?<parallelization>\d{1,2})\$(?<salt>[A-Za-z0-9+/]{1,128})\$(?<key>[A-Za-z0-9+/]+)$/,
    read: (groups) =>
      scrypt(groups, 2 ** Number(groups.log), fromBase64(groups.salt), fromBase64(groups.key)),
  },
]

/** Longer than any form that is read. */
const MAX_LENGTH = 1024

/** The scheme and parameters of a stored hash; null for a form or a cost that is not supported. */
export const readPasswordHash = (stored: string): PasswordHash | null => {
  if (stored.length > MAX_LENGTH) return null
  for (const { pattern, read } of FORMS) {
    const groups = pattern.exec(stored)?.groups
    if (groups) return read(groups)
  }
  return null
}

/** True for a hash that a password can be verified against. */
export const isVerifiable = (stored: string): boolean => readPasswordHash(stored) !== null

/** True for a hash that is replaced at the next sign-in: of another scheme, or weaker than today's. */
export const isOutdated = (hash: PasswordHash): boolean => hash.scheme !== 'argon2' || !hash.current
