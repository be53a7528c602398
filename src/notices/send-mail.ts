// Hands one mail to the operator's mail server (RFC 6409). What happens to it from there on is that server's matter.
import type { Config } from '../config.ts'
import type { Mail } from './mail.ts'
import type { AttemptOutcome } from './next-attempt.ts'
import { MAIL_WITHIN_MS, smtpOptions } from './smtp-options.ts'

/** By codes alone: the words of mail servers repeat addresses. */
const outcomeOf = (error: unknown): AttemptOutcome => {
  const { code = 'unknown', responseCode } = error as { code?: string; responseCode?: number }
  const text = responseCode === undefined ? code : `${code} ${responseCode}`
  // RFC 5321 4.2.1: 5yz of this recipient or message is for good. A refused login is the operator's to mend.
  const isRefused =
    (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode !== undefined && responseCode >= 500
  return isRefused ? { kind: 'refused', error: text } : { kind: 'unanswered', error: text }
}

/** One attempt. */
export const sendMail = async (
  { smtpUrl, from }: NonNullable<Config['mail']>,
  mail: Mail & { id: string },
  stopping: AbortSignal,
): Promise<AttemptOutcome> => {
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({
    ...smtpOptions(smtpUrl),
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(MAIL_WITHIN_MS)])
  const { id, to, subject, text, html } = mail
  const [, domain = 'localhost'] = /@([^>\s]+)/.exec(from) ?? []
  try {
    await transport.sendMail({
      from,
      to,
      subject,
      text,
      html,
      // The same one each time, so that one that comes twice is known.
      messageId: `<${id}@${domain}>`,
      // RFC 3834: nobody answers it with a note that they are away.
      headers: { 'Auto-Submitted': 'auto-generated' },
      signal,
    })
    return { kind: 'delivered' }
  } catch (error) {
    return outcomeOf(error)
  } finally {
    transport.close()
  }
}
