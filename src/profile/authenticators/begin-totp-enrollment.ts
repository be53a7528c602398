// Enrolling a TOTP authenticator, first half: a secret is made, sealed, and shown by this one answer. It cannot be used
// until one of its codes confirms it, within 15 minutes (docs/security.md 12).
import { v7 as uuidv7 } from 'uuid'
import { accountLabel } from '../../accounts/account.ts'
import { enrollmentBegun } from '../../audit/account-events.ts'
import { defaultName, MAX_ENROLLED, MAX_PENDING, sealSecret } from '../../authenticators/authenticator.ts'
import { lockFactors } from '../../authenticators/enrolled-count-store.ts'
import { insertPendingTotp, limitPending, listNames } from '../../authenticators/enrollment-store.ts'
import { encodeSecret, otpauthUri, SECRET_BYTES, STEP_SECONDS } from '../../authenticators/totp/totp.ts'
import type { FreshEnrollee } from '../../callers/authenticate-enrollee.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { ENROLLMENT_TTL_SECONDS } from '../../policy/policy.ts'

export type BegunEnrollment = {
  id: string
  secret: string
  otpauthUri: string
  /** An SVG data URI. */
  qrCode: string
  expiresInSeconds: number
}

type BeginDeps = Pick<Deps, 'postgres' | 'policy' | 'sealer' | 'randomBytes'>

/**
 * Begins an enrollment. `name` is made up where it is undefined.
 * @throws {AuthError} conflict where the account has as many as it may
 */
export const beginTotpEnrollment = async (
  deps: BeginDeps,
  enrollee: FreshEnrollee,
  name: string | undefined,
): Promise<BegunEnrollment> => {
  const { account, origin } = enrollee
  const id = uuidv7({ msecs: origin.now.getTime() })
  const secret = deps.randomBytes(SECRET_BYTES)
  await store(deps, enrollee, { id, secret, name })

  const { issuer, ...parameters } = deps.policy.current().totp
  const encoded = encodeSecret(secret)
  const uri = otpauthUri(
    { issuer, label: accountLabel(account), secret: encoded },
    { ...parameters, stepSeconds: STEP_SECONDS },
  )
  return {
    id,
    secret: encoded,
    otpauthUri: uri,
    qrCode: await svgDataUri(uri),
    expiresInSeconds: ENROLLMENT_TTL_SECONDS,
  }
}

const store = (
  deps: BeginDeps,
  enrollee: FreshEnrollee,
  { id, secret, name }: { id: string; secret: Buffer; name: string | undefined },
): Promise<void> => {
  const { origin } = enrollee
  const { now } = origin
  const accountId = enrollee.account.id
  const sessionId = enrollee.by === 'session' ? enrollee.session.sid : null
  const { algorithm, digits } = deps.policy.current().totp
  return deps.postgres.transaction(async (postgres) => {
    const locked = await lockFactors({ postgres }, accountId)
    if (locked === null || locked.enrolled >= MAX_ENROLLED) throw tooMany()
    await limitPending({ postgres }, accountId, { keep: MAX_PENDING - 1 })
    const pending = {
      id,
      accountId,
      name: name ?? defaultName(await listNames({ postgres }, accountId)),
      secretSealed: sealSecret(deps.sealer, secret, { accountId, authenticatorId: id }),
      algorithm,
      digits,
      stepSeconds: STEP_SECONDS,
      createdAt: now,
      expiresAt: new Date(now.getTime() + ENROLLMENT_TTL_SECONDS * 1000),
    }
    const about = { accountId, sessionId, authenticatorId: id, type: 'totp' }
    await insertPendingTotp({ postgres }, pending, enrollmentBegun(origin, about))
  })
}

const tooMany = () =>
  new AuthError('conflict', `An account has at most ${MAX_ENROLLED} authenticators; remove one first.`)

/** Level L holds the most data, and a code on a screen needs little error correction. */
const svgDataUri = async (uri: string): Promise<string> => {
  // Loaded when it is first needed, to keep an idle server small.
  const { toString: drawQrCode } = await import('qrcode')
  const svg = await drawQrCode(uri, { type: 'svg', errorCorrectionLevel: 'L' })
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`
}
