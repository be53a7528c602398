// The mails of a registration. Pure. The words come from the page's language.
//
// Decision: neither contains what was typed, not even a name: whoever registers somebody else's address would have us
// deliver their message.
import { html } from 'ghtml'
import type { Mail, MailKind } from '../../notices/mail.ts'
import type { Registration } from './registration.ts'

export type RegistrationWords = {
  subject: (service: string) => string
  text: (service: string) => string
  confirm: string
  code: string
  validFor: string
  notYou: string
  knownSubject: (service: string) => string
  knownText: (service: string, username: string | null) => string
  signIn: string
  knownNotYou: string
}

/** How the mail is written: in which language, and for whom. */
export type MailStyle = { language: string; words: RegistrationWords; service: string }

type Block = { text: string } | { href: string; label: string } | { code: string }

const asText = (block: Block): string => {
  if ('code' in block) return block.code
  return 'href' in block ? `${block.label}:\n${block.href}` : block.text
}

const asHtml = (block: Block): string => {
  if ('code' in block)
    return html`<p style="font:600 1.75rem/1.2 ui-monospace,monospace;letter-spacing:.2em;margin:1rem 0">${block.code}</p>`
  if ('href' in block)
    return html`<p style="margin:1.5rem 0"><a href="${block.href}" style="background:#1f4fbf;border-radius:.5rem;color:#fff;display:inline-block;padding:.75rem 1.25rem;text-decoration:none">${block.label}</a></p><p style="color:#5b6470;font-size:.875rem;word-break:break-all">${block.href}</p>`
  return html`<p>${block.text}</p>`
}

const mail = (
  { to, subject, blocks }: { to: string; subject: string; blocks: Block[] },
  language: string,
): Mail => ({
  to,
  subject,
  text: `${blocks.map(asText).join('\n\n')}\n`,
  html: html`<!doctype html><html lang="${language}"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>${subject}</title></head><body style="font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:34rem;padding:1.5rem">!${blocks.map(asHtml).join('')}</body></html>`,
})

/** The mail to the address of a registration: what confirms it, or that it has an account already. */
export const registrationMail = (
  issuer: string,
  { email: to, token, code, known }: Registration,
  { language, words, service }: MailStyle,
): Mail & { kind: MailKind } => {
  if (known) {
    const blocks = [
      { text: words.knownText(service, known.username) },
      { href: `${issuer}/sign-in`, label: words.signIn },
      { text: words.knownNotYou },
    ]
    const subject = words.knownSubject(service)
    return { kind: 'registration_known', ...mail({ to, subject, blocks }, language) }
  }
  const blocks = [
    { text: words.text(service) },
    { href: `${issuer}/register/confirm?token=${token}`, label: words.confirm },
    { text: words.code },
    { code },
    { text: words.validFor },
    { text: words.notYou },
  ]
  return { kind: 'registration', ...mail({ to, subject: words.subject(service), blocks }, language) }
}
