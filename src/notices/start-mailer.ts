// Sends the mail in its outbox, within a second of its being written, and where the mail server is away, for an hour: what
// most mail is for is over then. As with logout notices, what a killed process has left is sent again.
import { systemOrigin } from '../audit/event.ts'
import { mailFailed, mailSent } from '../audit/mail-events.ts'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { UnsealError } from '../encryption/sealer.ts'
import { type LeasedMail, openMail } from './mail.ts'
import { leaseMails, postponeMail, settleMail } from './mail-store.ts'
import type { AttemptOutcome, Patience } from './next-attempt.ts'
import { sendMail } from './send-mail.ts'
import { MAIL_WITHIN_MS } from './smtp-options.ts'
import { type Outbox, startOutbox } from './start-outbox.ts'

const PATIENCE: Patience = { longestWaitMs: 5 * 60_000, givenUpAfterMs: 3_600_000 }
const AT_ONCE = 4
const LEASE_MS = 3 * MAIL_WITHIN_MS

type MailerDeps = Pick<Deps, 'config' | 'postgres' | 'sealer' | 'clock' | 'log' | 'randomBytes'>

const settle = (
  deps: MailerDeps,
  { id, kind, accountId, attempts }: LeasedMail,
  { error, now }: { error: string | null; now: Date },
): Promise<void> => {
  const about = { mailId: id, kind, accountId, attempts }
  const origin = systemOrigin(now)
  return settleMail(
    deps,
    id,
    error === null ? mailSent(origin, about) : mailFailed(origin, { ...about, error }),
  )
}

const outcomeOf = async (
  { sealer }: MailerDeps,
  settings: NonNullable<Config['mail']>,
  mail: LeasedMail,
  stopping: AbortSignal,
): Promise<AttemptOutcome> => {
  try {
    return await sendMail(settings, { ...openMail(sealer, mail), id: mail.id }, stopping)
  } catch (error) {
    if (error instanceof UnsealError) return { kind: 'unanswered', error: 'it cannot be unsealed' }
    throw error
  }
}

/** Logged, because nobody else sees that the mail server is away: mail has no list for administrators. */
const attempt = async (
  deps: MailerDeps,
  settings: NonNullable<Config['mail']>,
  mail: LeasedMail,
  stopping: AbortSignal,
): Promise<AttemptOutcome> => {
  const outcome = await outcomeOf(deps, settings, mail, stopping)
  const { id, kind, attempts } = mail
  if (outcome.kind !== 'delivered' && !stopping.aborted)
    deps.log.warn(
      { mail: id, kind, error: outcome.error, attempts },
      'a mail was not taken by the mail server',
    )
  return outcome
}

/** Starts the mailer of this process; without a mail server, one that sends nothing. */
export const startMailer = (deps: MailerDeps): Outbox => {
  const { mail: settings } = deps.config
  if (!settings) return { wake() {}, async close() {} }
  return startOutbox<LeasedMail>(deps, {
    holds: 'mail',
    atOnce: AT_ONCE,
    leaseMs: LEASE_MS,
    patience: PATIENCE,
    lease: (lease) => leaseMails(deps, lease),
    attempt: (mail, stopping) => attempt(deps, settings, mail, stopping),
    postpone: ({ id }, next) => postponeMail(deps, { id, ...next }),
    settle: (mail, end) => settle(deps, mail, end),
  })
}
