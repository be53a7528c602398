// Events of mail. No address is in them: the account, or the registration, says whose it is.
import { type AuditEvent, auditEvent, type Origin } from './event.ts'

type SettledMail = { mailId: string; kind: string; accountId: string | null; attempts: number }

const details = ({ mailId, kind, attempts }: SettledMail) => ({ mail_id: mailId, kind, attempts })

/** The mail server has taken it. */
export const mailSent = (origin: Origin, mail: SettledMail): AuditEvent =>
  auditEvent('mail.sent', 'success', origin, { accountId: mail.accountId, details: details(mail) })

/** `error`: what the mail server answered last, by its codes. */
export const mailFailed = (origin: Origin, mail: SettledMail & { error: string }): AuditEvent =>
  auditEvent('mail.failed', 'failure', origin, {
    accountId: mail.accountId,
    details: { ...details(mail), error: mail.error },
  })
