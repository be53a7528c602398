import type { Origin } from '../../audit/event.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { newMail } from '../../notices/mail.ts'
import { MAX_MAILS, openRegistration } from './registration.ts'
import { type MailStyle, registrationMail } from './registration-mail.ts'
import { findRegistration, sendAgain } from './registration-store.ts'
import { throttleAddress, throttleNetwork } from './throttle-registration.ts'

/**
 * Sends the mail of a registration once more, with the same link and the same code, so that nobody gets more guesses by it.
 * False where the registration has ended.
 * @throws {AuthError} too_many_attempts
 */
export const sendRegistrationAgain = async (
  deps: Pick<Deps, 'config' | 'postgres' | 'ephemeral' | 'sealer' | 'mailer'>,
  origin: Origin,
  id: string,
  style: MailStyle,
): Promise<boolean> => {
  const { now } = origin
  await throttleNetwork(deps, origin)
  const found = await findRegistration(deps, id, now)
  if (!found) return false
  const registration = openRegistration(deps.sealer, id, found.sealed)
  await throttleAddress(deps, registration.email, now)
  const { kind, ...mail } = registrationMail(deps.config.issuer, registration, style)
  const accountId = registration.known?.accountId ?? null
  const written = newMail(deps.sealer, mail, { kind, accountId, now })
  if (!(await sendAgain(deps, { id, limit: MAX_MAILS, now }, written)))
    throw new AuthError('too_many_attempts', undefined, { retry_after: 3600 })
  deps.mailer.wake()
  return true
}
