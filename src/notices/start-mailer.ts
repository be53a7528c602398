// Sends the mail in its outbox, within a second of its being written, and where the mail server is away, for an hour: what
// most mail is for is over then. As with logout notices, what a killed process has left is sent again.
import { systemOrigin } from '../audit/event.ts'
import { mailFailed, mailSent } from '../audit/mail-events.ts'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { UnsealError } from '../encryption/sealer.ts'
import { type LeasedMail, openMail } from './mail.ts'
import { leaseMails, postponeMail, settleMail } from './mail-store.ts'
import { type AttemptOutcome, nextAttempt, type Patience } from './notice.ts'
import { sendMail } from './send-mail.ts'
import { MAIL_WITHIN_MS } from './smtp-options.ts'
import { type Outbox, startOutbox } from './start-outbox.ts'

const PATIENCE: Patience = { longestWaitMs: 5 * 60_000, givenUpAfterMs: 3_600_000 }
const AT_ONCE = 4
const LEASE_MS = 3 * MAIL_WITHIN_MS

type MailerDeps = Pick<Deps, 'config' | 'postgres' | 'sealer' | 'clock' | 'log' | 'randomBytes'>

const random = ({ randomBytes }: MailerDeps): number => randomBytes(4).readUInt32BE() / 2 ** 32

const writeDown = async (deps: MailerDeps, mail: LeasedMail, outcome: AttemptOutcome): Promise<void> => {
  const now = deps.clock()
  const { id, kind, accountId, attempts } = mail
  const about = { mailId: id, kind, accountId, attempts }
  if (outcome.kind === 'delivered') return settleMail(deps, id, mailSent(systemOrigin(now), about))
  const { error } = outcome
  const nextAttemptAt = outcome.kind === 'refused' ? null : nextAttempt(mail, now, random(deps), PATIENCE)
  deps.log.warn({ mail: id, kind, error, attempts }, 'a mail was not taken by the mail server')
  if (nextAttemptAt) return postponeMail(deps, { id, nextAttemptAt, error })
  return settleMail(deps, id, mailFailed(systemOrigin(now), { ...about, error }))
}

const attempt = async (
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

/** Starts the mailer of this process; without a mail server, one that sends nothing. */
export const startMailer = (deps: MailerDeps): Outbox => {
  const { mail: settings } = deps.config
  if (!settings) return { wake() {}, async close() {} }
  return startOutbox<LeasedMail>(deps, {
    holds: 'mail',
    atOnce: AT_ONCE,
    lease(limit) {
      const now = deps.clock()
      return leaseMails(deps, { now, leasedUntil: new Date(now.getTime() + LEASE_MS), limit })
    },
    async send(mail, stopping) {
      const outcome = await attempt(deps, settings, mail, stopping)
      // Given up because this process stops: whoever comes next need not wait.
      if (stopping.aborted && outcome.kind === 'unanswered')
        await postponeMail(deps, { id: mail.id, nextAttemptAt: deps.clock(), error: 'given up at a stop' })
      else await writeDown(deps, mail, outcome)
    },
  })
}
