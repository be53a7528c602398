// Events of signing in: primary authentication, challenges, sessions, refresh tokens.
import { type About, type AuditEvent, auditEvent, type Origin } from './event.ts'

type Subject = { accountId: string; clientId: string }

export const primaryAuthenticationPassed = (
  origin: Origin,
  about: Subject & { amr: string[]; decision: string; reasons: string[] },
): AuditEvent =>
  auditEvent('primary_authentication.passed', 'success', origin, {
    ...about,
    details: { amr: about.amr, decision: about.decision, reasons: about.reasons },
  })

export const primaryAuthenticationFailed = (
  origin: Origin,
  about: { accountId: string | null; clientId: string; reason: string },
): AuditEvent =>
  auditEvent('primary_authentication.failed', 'failure', origin, {
    ...about,
    details: { reason: about.reason },
  })

export const challengePassed = (
  origin: Origin,
  about: Subject & {
    sessionId: string
    purpose: string
    method: string
    amr: string[]
    authenticatorId?: string
  },
): AuditEvent =>
  auditEvent('challenge.passed', 'success', origin, {
    ...about,
    details: {
      purpose: about.purpose,
      method: about.method,
      amr: about.amr,
      ...(about.authenticatorId && { authenticator_id: about.authenticatorId }),
    },
  })

/** A sign-in that was completed by enrolling the second factor that the account must have. */
export const enrollmentPassed = (
  origin: Origin,
  about: Subject & { sessionId: string; amr: string[] },
): AuditEvent => auditEvent('enrollment.passed', 'success', origin, { ...about, details: { amr: about.amr } })

export const challengeFailed = (
  origin: Origin,
  about: Subject & { method: string; reason: string; attemptsRemaining: number },
): AuditEvent =>
  auditEvent('challenge.failed', 'failure', origin, {
    ...about,
    details: { method: about.method, reason: about.reason, attempts_remaining: about.attemptsRemaining },
  })

export const challengeRefused = (
  origin: Origin,
  about: { accountId: string | null; clientId: string | null; reason: string },
): AuditEvent =>
  auditEvent('challenge.refused', 'failure', origin, { ...about, details: { reason: about.reason } })

export const challengeCancelled = (origin: Origin, about: Subject): AuditEvent =>
  auditEvent('challenge.cancelled', 'success', origin, about)

export const sessionEnded = (
  origin: Origin,
  about: { accountId: string; sessionId: string; clientId?: string; reason: string },
): AuditEvent =>
  auditEvent('session.ended', 'success', origin, { ...about, details: { reason: about.reason } })

/** A client has given back what it was granted. */
export const grantRevoked = (origin: Origin, about: Subject & { sessionId: string }): AuditEvent =>
  auditEvent('grant.revoked', 'success', origin, about)

export const sessionsEnded = (
  origin: Origin,
  about: { accountId: string; keptSessionId: string | null; reason: string },
): AuditEvent =>
  auditEvent('sessions.ended', 'success', origin, {
    accountId: about.accountId,
    sessionId: about.keptSessionId,
    details: { reason: about.reason },
  })

/** Recorded at most once an hour a session, and once for every change of its address; the store of sessions decides. */
export const sessionRenewed = (origin: Origin, about: Subject & { sessionId: string }): AuditEvent =>
  auditEvent('session.renewed', 'success', origin, about)

export const refreshTokenRefused = (
  origin: Origin,
  about: About & {
    reason:
      | 'reused'
      | 'unknown'
      | 'wrong_client'
      | 'wrong_key'
      | 'client_replaced'
      | 'expired'
      | 'scope'
      | 'locked'
      | 'disabled'
      | 'policy'
      | 'second_factor_needed'
  },
): AuditEvent =>
  auditEvent('refresh_token.refused', 'failure', origin, { ...about, details: { reason: about.reason } })

/** A client was given a code: whoever is signed in goes on to that application. */
export const authorizationGranted = (
  origin: Origin,
  about: Subject & { sessionId: string; scope: string; acr: string },
): AuditEvent =>
  auditEvent('authorization.granted', 'success', origin, {
    ...about,
    details: { scope: about.scope, acr: about.acr },
  })

/** Its user did not allow an application what it asked for. */
export const authorizationDenied = (
  origin: Origin,
  about: Subject & { sessionId: string; scope: string },
): AuditEvent =>
  auditEvent('authorization.denied', 'failure', origin, { ...about, details: { scope: about.scope } })

export const codeRefused = (
  origin: Origin,
  about: About & { reason: 'unknown' | 'reused' | 'mismatch' | 'locked' | 'not_allowed' },
): AuditEvent =>
  auditEvent('authorization_code.refused', 'failure', origin, { ...about, details: { reason: about.reason } })

export const clientTokenIssued = (origin: Origin, about: { clientId: string; scope: string }): AuditEvent =>
  auditEvent('client_token.issued', 'success', origin, { ...about, details: { scope: about.scope } })

export const clientAuthenticationFailed = (
  origin: Origin,
  about: { clientId: string | null; reason: string },
): AuditEvent =>
  auditEvent('client_authentication.failed', 'failure', origin, {
    clientId: about.clientId,
    details: { reason: about.reason },
  })

export const accessRefused = (
  origin: Origin,
  about: { accountId: string; clientId: string | null; sessionId: string | null; reason: string },
): AuditEvent =>
  auditEvent('access.refused', 'failure', origin, { ...about, details: { reason: about.reason } })
