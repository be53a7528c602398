// Begins a registration: what was typed is checked, kept sealed, and a mail goes to the address.
//
// Which user names are taken has to be said. Whether an address has an account is not: it gets another mail then, at the
// same cost and with the same answer (docs/security.md 4).
import { v7 as uuidv7 } from 'uuid'
import { findAccountByName } from '../../accounts/store.ts'
import type { Origin } from '../../audit/event.ts'
import { registrationBegun, registrationRefused } from '../../audit/registration-events.ts'
import { recordEvent } from '../../audit/store.ts'
import type { Deps } from '../../deps.ts'
import { hashToken } from '../../encryption/opaque-token.ts'
import { newMail } from '../../notices/mail.ts'
import { isLongPassword } from '../../passwords/check-password.ts'
import { findPasswordFault } from '../../passwords/find-password-fault.ts'
import { type FieldProblems, fieldProblems, type RegistrationGiven } from './field-problems.ts'
import {
  newProofs,
  REGISTERED_ROLES,
  REGISTRATION_TTL_SECONDS,
  type Registration,
  sealRegistration,
} from './registration.ts'
import { type MailStyle, registrationMail } from './registration-mail.ts'
import { addRegistration } from './registration-store.ts'
import { throttleAddress, throttleNetwork } from './throttle-registration.ts'

export type RegistrationBegun =
  | { kind: 'begun'; id: string; expiresInSeconds: number }
  | { kind: 'refused'; problems: FieldProblems }

type BeginDeps = Pick<
  Deps,
  'config' | 'postgres' | 'ephemeral' | 'policy' | 'passwords' | 'sealer' | 'randomBytes' | 'mailer'
>

const holderOf = ({ display_name, username, email }: RegistrationGiven) => ({
  username,
  email,
  displayName: display_name === '' ? null : display_name,
  roles: REGISTERED_ROLES,
  enrolledAuthenticators: 0,
})

/** @throws {AuthError} too_many_attempts, temporarily_unavailable */
export const beginRegistration = async (
  deps: BeginDeps,
  origin: Origin,
  given: RegistrationGiven,
  { clientId, style }: { clientId: string; style: MailStyle },
): Promise<RegistrationBegun> => {
  const { now } = origin
  const shape = fieldProblems(given)
  if (Object.keys(shape).length > 0) return { kind: 'refused', problems: shape }
  deps.passwords.requireRoom()
  await throttleNetwork(deps, origin)
  const holder = holderOf(given)
  const [fault, named] = await Promise.all([
    findPasswordFault(deps, holder, given.password),
    findAccountByName(deps, given.username),
  ])
  if (fault || named) {
    const problems = { ...(named && { username: 'taken' as const }), ...(fault && { password: fault.kind }) }
    if (named)
      await recordEvent(deps, registrationRefused(origin, { registrationId: null, reason: 'username_taken' }))
    return { kind: 'refused', problems }
  }
  await throttleAddress(deps, given.email, now)
  const known = (await findAccountByName(deps, given.email))?.account ?? null
  const registration: Registration = {
    username: given.username,
    email: given.email,
    displayName: holder.displayName,
    passwordHash: await deps.passwords.hash(given.password),
    passwordIsLong: isLongPassword(given.password),
    ...newProofs(deps.randomBytes),
    known: known && { accountId: known.id, username: known.username },
  }
  const id = uuidv7({ msecs: now.getTime() })
  const accountId = known?.id ?? null
  const { kind, ...mail } = registrationMail(deps.config.issuer, registration, style)
  await addRegistration(
    deps,
    {
      id,
      tokenHash: hashToken(registration.token),
      sealed: sealRegistration(deps.sealer, id, registration),
      createdAt: now,
      expiresAt: new Date(now.getTime() + REGISTRATION_TTL_SECONDS * 1000),
    },
    newMail(deps.sealer, mail, { kind, accountId, now }),
    registrationBegun(origin, { registrationId: id, clientId, accountId }),
  )
  deps.mailer.wake()
  return { kind: 'begun', id, expiresInSeconds: REGISTRATION_TTL_SECONDS }
}
