// Events of an account and its factors: created, changed, enrolled, removed, reset.
import { type AuditEvent, auditEvent, type Origin } from './event.ts'

type Authenticator = { accountId: string; sessionId: string | null; authenticatorId: string; type: string }

const authenticatorEvent =
  (event: string) =>
  (origin: Origin, about: Authenticator): AuditEvent =>
    auditEvent(event, 'success', origin, {
      ...about,
      details: { authenticator_id: about.authenticatorId, type: about.type },
    })

export const enrollmentBegun = authenticatorEvent('authenticator.enrollment_begun')
export const authenticatorConfirmed = authenticatorEvent('authenticator.confirmed')
export const authenticatorRenamed = authenticatorEvent('authenticator.renamed')
export const authenticatorRemoved = authenticatorEvent('authenticator.removed')

/** 100 consecutive failures (NIST SP 800-63B 3.2.2). */
export const authenticatorDisabled = authenticatorEvent('authenticator.disabled')

export const codeRefused = (
  origin: Origin,
  about: {
    accountId: string
    sessionId: string | null
    purpose: string
    reason: string
    attemptsRemaining?: number
  },
): AuditEvent =>
  auditEvent('code.refused', 'failure', origin, {
    ...about,
    details: {
      purpose: about.purpose,
      reason: about.reason,
      ...(about.attemptsRemaining !== undefined && { attempts_remaining: about.attemptsRemaining }),
    },
  })

export const recoveryCodesGenerated = (
  origin: Origin,
  about: { accountId: string; sessionId: string | null; count: number },
): AuditEvent =>
  auditEvent('recovery_codes.generated', 'success', origin, { ...about, details: { count: about.count } })

export const secondFactorDisabled = (
  origin: Origin,
  about: { accountId: string; sessionId: string },
): AuditEvent => auditEvent('second_factor.disabled', 'success', origin, about)

export const secondFactorReset = (origin: Origin, about: { accountId: string }): AuditEvent =>
  auditEvent('second_factor.reset', 'success', origin, about)

export const accountUnlocked = (origin: Origin, about: { accountId: string }): AuditEvent =>
  auditEvent('account.unlocked', 'success', origin, about)

export const accountCreated = (
  origin: Origin,
  about: { accountId: string | null; clientId: string | null; roles: string[] },
): AuditEvent =>
  auditEvent('account.created', 'success', origin, { ...about, details: { roles: about.roles } })

/** `changed` names the members, and holds the new value only of `roles` and `status`. */
export const accountChanged = (
  origin: Origin,
  about: { accountId: string; clientId?: string | null; changed: Record<string, unknown> },
): AuditEvent =>
  auditEvent('account.changed', 'success', origin, { ...about, details: { changed: about.changed } })

export const accountDeleted = (origin: Origin, about: { accountId: string }): AuditEvent =>
  auditEvent('account.deleted', 'success', origin, about)

export const passwordChanged = (
  origin: Origin,
  about: { accountId: string; sessionId: string | null },
): AuditEvent => auditEvent('password.changed', 'success', origin, about)

export const passwordRefused = (
  origin: Origin,
  about: { accountId: string; sessionId: string | null; reason: string },
): AuditEvent =>
  auditEvent('password.refused', 'failure', origin, { ...about, details: { reason: about.reason } })

/** What an account has allowed a client now; what it had allowed before stays. */
export const consentGranted = (
  origin: Origin,
  about: { accountId: string; clientId: string; scopes: string[]; claims: string[] },
): AuditEvent =>
  auditEvent('consent.granted', 'success', origin, {
    ...about,
    details: { scopes: about.scopes, claims: about.claims },
  })

export const consentRevoked = (origin: Origin, about: { accountId: string; clientId: string }): AuditEvent =>
  auditEvent('consent.revoked', 'success', origin, about)
