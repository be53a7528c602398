// Confirms the address of a registration, by the code on the page where it began, or by the link: its account is made then.
// One transaction takes the registration and makes the account, so that any number of confirmations make one. Where the
// policy closes registration, what has begun is over.
import { v7 as uuidv7 } from 'uuid'
import { insertAccount } from '../../accounts/changes-store.ts'
import { accountCreated } from '../../audit/account-events.ts'
import type { Origin } from '../../audit/event.ts'
import { registrationConfirmed, registrationRefused } from '../../audit/registration-events.ts'
import { recordEvent } from '../../audit/store.ts'
import type { Deps } from '../../deps.ts'
import { hashToken } from '../../encryption/opaque-token.ts'
import { AuthError } from '../../errors.ts'
import {
  isCodeOf,
  MAX_CODE_ATTEMPTS,
  openRegistration,
  REGISTERED_ROLES,
  type Registration,
} from './registration.ts'
import { isRegistrationOpen } from './registration-open.ts'
import {
  claimRegistration,
  findRegistrationByToken,
  type StoredRegistration,
  takeCodeAttempt,
} from './registration-store.ts'

type Confirmed = { kind: 'confirmed'; accountId: string; registration: Registration }

export type RegistrationConfirmed =
  | Confirmed
  /** Somebody else was faster. */
  | { kind: 'taken'; field: 'username' | 'email'; registration: Registration }
  /** Confirmed before, expired, or its code was tried too often. */
  | { kind: 'over' }

export type CodeAnswered = RegistrationConfirmed | { kind: 'wrong_code' }

type ConfirmDeps = Pick<Deps, 'postgres' | 'sealer' | 'policy' | 'config'>

const makeAccount = async (
  { postgres, sealer }: Pick<ConfirmDeps, 'postgres' | 'sealer'>,
  origin: Origin,
  { id, sealed }: StoredRegistration,
  by: 'code' | 'link',
): Promise<RegistrationConfirmed> => {
  const { now } = origin
  const registration = openRegistration(sealer, id, sealed)
  const { username, email, displayName, passwordHash, passwordIsLong } = registration
  const accountId = uuidv7({ msecs: now.getTime() })
  const own: Origin = { ...origin, actor: { type: 'account', id: accountId } }
  const named = { id: accountId, username, email, displayName, passwordHash, passwordIsLong }
  const account = { ...named, roles: REGISTERED_ROLES, claims: { email_verified: true }, createdAt: now }
  const created = accountCreated(own, { accountId, clientId: null, roles: REGISTERED_ROLES })
  const confirmed = registrationConfirmed(own, { registrationId: id, accountId, by })
  try {
    const isMade = await postgres.transaction(async (sql) => {
      if (!(await claimRegistration({ postgres: sql }, { id, now }, confirmed))) return false
      await insertAccount({ postgres: sql }, account, created)
      return true
    })
    return isMade ? { kind: 'confirmed', accountId, registration } : { kind: 'over' }
  } catch (error) {
    if (!(error instanceof AuthError && error.code === 'conflict')) throw error
    const field = error.details.fields?.includes('email') ? 'email' : 'username'
    await recordEvent(
      { postgres },
      registrationRefused(origin, { registrationId: id, reason: `${field}_taken` }),
    )
    return { kind: 'taken', field, registration }
  }
}

/** By the code, on the page of the browser in which it began. Counted before it is compared (docs/security.md 5). */
export const confirmByCode = async (
  deps: ConfirmDeps,
  origin: Origin,
  { id, code }: { id: string; code: string },
): Promise<CodeAnswered> => {
  const attempt = isRegistrationOpen(deps)
    ? await takeCodeAttempt(deps, { id, limit: MAX_CODE_ATTEMPTS, now: origin.now })
    : null
  const isRight = attempt && isCodeOf(openRegistration(deps.sealer, id, attempt.sealed), code)
  if (isRight) return makeAccount(deps, origin, attempt, 'code')
  const reason = attempt ? 'wrong_code' : 'over'
  await recordEvent(deps, registrationRefused(origin, { registrationId: id, reason }))
  return attempt && attempt.attempts < MAX_CODE_ATTEMPTS ? { kind: 'wrong_code' } : { kind: 'over' }
}

/** What the link of a mail would confirm; null where that is over. */
export const findByLink = async (
  deps: ConfirmDeps,
  origin: Origin,
  token: string,
): Promise<(StoredRegistration & { registration: Registration }) | null> => {
  if (!isRegistrationOpen(deps)) return null
  const found = await findRegistrationByToken(deps, hashToken(token), origin.now)
  return found && { ...found, registration: openRegistration(deps.sealer, found.id, found.sealed) }
}

/** By the link of the mail, in whatever browser. */
export const confirmByLink = async (
  deps: ConfirmDeps,
  origin: Origin,
  token: string,
): Promise<RegistrationConfirmed> => {
  const found = await findByLink(deps, origin, token)
  if (found && found.registration.known === null) return makeAccount(deps, origin, found, 'link')
  await recordEvent(deps, registrationRefused(origin, { registrationId: null, reason: 'over' }))
  return { kind: 'over' }
}
