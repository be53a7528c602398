// TOTP (RFC 6238) over otplib. Pure: matching, and the secret's otpauth URI.
import { NodeCryptoPlugin } from '@otplib/plugin-crypto-node'
import { generateURI, ScureBase32Plugin, verifySync } from 'otplib'

/** RFC 6238's X: 30 seconds, which is what authenticator apps support. */
export const STEP_SECONDS = 30

/** 160 bits: RFC 4226 section 4, R6. */
export const SECRET_BYTES = 20

export type TotpAlgorithm = 'SHA1' | 'SHA256' | 'SHA512'
export type TotpParameters = { algorithm: TotpAlgorithm; digits: 6 | 8; stepSeconds: number }

/** True for exactly `digits` ASCII digits. */
export const isTotpCode = (code: string, digits: number): boolean =>
  code.length === digits && /^[0-9]+$/.test(code)

const NODE_CRYPTO = new NodeCryptoPlugin()
const algorithmName = (algorithm: TotpAlgorithm) => algorithm.toLowerCase() as Lowercase<TotpAlgorithm>

/**
 * The time step whose code this is, within one step either side of `now`; null if there is none.
 * It does not detect a replay: the store burns the step.
 */
export const matchTimeStep = (
  secret: Buffer,
  parameters: TotpParameters,
  code: string,
  now: Date,
): number | null => {
  const { algorithm, digits, stepSeconds } = parameters
  // otplib throws on a malformed code; here that is a code that does not match.
  if (!isTotpCode(code, digits)) return null
  const epoch = Math.floor(now.getTime() / 1000)
  const result = verifySync({
    secret,
    token: code,
    crypto: NODE_CRYPTO,
    algorithm: algorithmName(algorithm),
    digits,
    period: stepSeconds,
    epoch,
    epochTolerance: stepSeconds,
  })
  return result.valid ? Math.floor(epoch / stepSeconds) + result.delta : null
}

const BASE32 = new ScureBase32Plugin()

/** A secret as authenticator apps accept it: base32 (RFC 4648), without padding. */
export const encodeSecret = (secret: Buffer): string => BASE32.encode(secret)

/** As much as a QR code can hold; an app shows less. */
const MAX_LABEL = 64

/**
 * The `otpauth://totp/` URI that authenticator apps read from the QR code. `secret` in base32. The label is
 * shortened, and loses its colons: the first one separates the issuer from it, escaped or not.
 */
export const otpauthUri = (
  account: { issuer: string; label: string; secret: string },
  { algorithm, digits, stepSeconds }: TotpParameters,
): string => {
  const label = [...account.label.replaceAll(':', '-')].slice(0, MAX_LABEL).join('')
  return generateURI({
    ...account,
    label,
    algorithm: algorithmName(algorithm),
    digits,
    period: stepSeconds,
  })
}
