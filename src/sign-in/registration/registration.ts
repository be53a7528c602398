// A registration that waits for its address to be confirmed, and how it is kept until then. Pure.
import { timingSafeEqual } from 'node:crypto'
import { newRegistrationToken } from '../../encryption/opaque-token.ts'
import type { RandomBytes, Sealer } from '../../encryption/sealer.ts'

/** What an account that is registered may do. */
export const REGISTERED_ROLES = ['user']

export const REGISTRATION_TTL_SECONDS = 3600
/** Of the code of a registration; the link goes on working. */
export const MAX_CODE_ATTEMPTS = 5
/** Of one registration; the address has a budget besides. */
export const MAX_MAILS = 4

export type Registration = {
  username: string
  email: string
  displayName: string | null
  passwordHash: string
  passwordIsLong: boolean
  /** In the link of the mail. */
  token: string
  /** For whoever reads the mail elsewhere than where the page is open. */
  code: string
  /** Whose address it is already: then nothing confirms it, and nobody is shown that. */
  known: { accountId: string; username: string | null } | null
}

const CODE_DIGITS = 6
export const REGISTRATION_CODE_DIGITS = CODE_DIGITS

/** Of equal chances: what is beyond the last whole multiple is drawn again. */
const newCode = (randomBytes: RandomBytes): string => {
  const codes = 10 ** CODE_DIGITS
  const last = Math.floor(2 ** 32 / codes) * codes
  for (;;) {
    const drawn = randomBytes(4).readUInt32BE()
    if (drawn < last) return `${drawn % codes}`.padStart(CODE_DIGITS, '0')
  }
}

export const newProofs = (randomBytes: RandomBytes): Pick<Registration, 'token' | 'code'> => ({
  token: newRegistrationToken(randomBytes),
  code: newCode(randomBytes),
})

export const registrationContext = (id: string): string => `registrations.sealed:${id}`

export const sealRegistration = (sealer: Sealer, id: string, registration: Registration): string =>
  sealer.seal(Buffer.from(JSON.stringify(registration)), registrationContext(id))

/** @throws {UnsealError} */
export const openRegistration = (sealer: Sealer, id: string, sealed: string): Registration =>
  JSON.parse(sealer.open(sealed, registrationContext(id)).toString('utf8'))

/** Compared in constant time; where the address has an account already, no code is right. */
export const isCodeOf = ({ code, known }: Registration, given: string): boolean => {
  const [a, b] = [Buffer.from(code), Buffer.from(given)]
  return a.length === b.length && timingSafeEqual(a, b) && known === null
}
