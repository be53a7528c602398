// Events of running Postern: policy, clients, keys.
import { type AuditEvent, auditEvent, type Origin } from './event.ts'

/** `changed` holds the members that were changed, with their new values. */
export const policyChanged = (
  origin: Origin,
  about: { version: number; changed: Record<string, unknown> },
): AuditEvent => auditEvent('policy.changed', 'success', origin, { details: about })

export const clientCreated = (
  origin: Origin,
  about: { clientId: string; scopes: string[]; firstParty: boolean },
): AuditEvent =>
  auditEvent('client.created', 'success', origin, {
    clientId: about.clientId,
    details: { scopes: about.scopes, first_party: about.firstParty },
  })

export const clientChanged = (origin: Origin, about: { clientId: string; changed: string[] }): AuditEvent =>
  auditEvent('client.changed', 'success', origin, {
    clientId: about.clientId,
    details: { changed: about.changed },
  })

export const clientDeleted = (origin: Origin, about: { clientId: string }): AuditEvent =>
  auditEvent('client.deleted', 'success', origin, about)

export const signingKeyCreated = (
  origin: Origin,
  about: { kid: string; algorithm: string; signsFrom: Date },
): AuditEvent =>
  auditEvent('signing_key.created', 'success', origin, {
    details: { kid: about.kid, algorithm: about.algorithm, signs_from: about.signsFrom.toISOString() },
  })

export const signingKeyWithdrawn = (origin: Origin, about: { kid: string }): AuditEvent =>
  auditEvent('signing_key.withdrawn', 'success', origin, { details: { kid: about.kid } })

export const encryptionKeysResealed = (
  origin: Origin,
  about: { keyId: string; values: number },
): AuditEvent =>
  auditEvent('encryption_keys.resealed', 'success', origin, {
    details: { key_id: about.keyId, values: about.values },
  })
