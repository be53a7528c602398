// Events of accounts that people create themselves. The address is in none of them.
import { type AuditEvent, auditEvent, type Origin } from './event.ts'

type Registration = { registrationId: string; clientId: string }

/** `accountId`: whose address it is already, so that no account will come of it; null where it is nobody's. */
export const registrationBegun = (
  origin: Origin,
  about: Registration & { accountId: string | null },
): AuditEvent =>
  auditEvent('registration.begun', 'success', origin, {
    accountId: about.accountId,
    clientId: about.clientId,
    details: { registration_id: about.registrationId, known_address: about.accountId !== null },
  })

export const registrationConfirmed = (
  origin: Origin,
  about: { registrationId: string; accountId: string; by: 'code' | 'link' },
): AuditEvent =>
  auditEvent('registration.confirmed', 'success', origin, {
    accountId: about.accountId,
    details: { registration_id: about.registrationId, by: about.by },
  })

export const registrationRefused = (
  origin: Origin,
  about: { registrationId: string | null; reason: string },
): AuditEvent =>
  auditEvent('registration.refused', 'failure', origin, {
    details: { registration_id: about.registrationId, reason: about.reason },
  })
