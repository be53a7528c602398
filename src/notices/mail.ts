// A mail, and how it is sealed until it is sent: its recipient and what it says are nobody's business on the way. Pure.
import { v7 as uuidv7 } from 'uuid'
import type { Sealer } from '../encryption/sealer.ts'

export type MailKind = 'registration' | 'registration_known'

export type Mail = { to: string; subject: string; text: string; html: string }

/** One that is to be written; `queue_mail` of PostgreSQL reads it. */
export type NewMail = {
  id: string
  kind: MailKind
  accountId: string | null
  sealed: string
  createdAt: Date
}

/** One that a sender has leased. `attempts` counts this one. */
export type LeasedMail = Omit<NewMail, 'kind'> & { kind: string; attempts: number }

export const mailContext = (id: string): string => `mails.sealed:${id}`

/** `accountId`: whose mail it is, for the audit log. */
export const newMail = (
  sealer: Sealer,
  mail: Mail,
  { kind, accountId, now }: { kind: MailKind; accountId: string | null; now: Date },
): NewMail => {
  const id = uuidv7()
  const sealed = sealer.seal(Buffer.from(JSON.stringify(mail)), mailContext(id))
  return { id, kind, accountId, sealed, createdAt: now }
}

/** @throws {UnsealError} */
export const openMail = (sealer: Sealer, { id, sealed }: Pick<LeasedMail, 'id' | 'sealed'>): Mail =>
  JSON.parse(sealer.open(sealed, mailContext(id)).toString('utf8'))
