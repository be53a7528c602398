// How a mail server is connected to, by its URL. Pure.
//
// Decision: outside of loopback TLS is required, because a mail carries what proves an address (RFC 8314).
import type { SMTPTransportOptions } from 'nodemailer'

/** For one mail, from connecting to the server's answer. */
export const MAIL_WITHIN_MS = 20_000
const CONNECT_WITHIN_MS = 5_000

const isLoopback = (hostname: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)

export const smtpOptions = (smtpUrl: string): SMTPTransportOptions => {
  const { protocol, hostname, port, username, password } = new URL(smtpUrl)
  const secure = protocol === 'smtps:'
  const isLocal = isLoopback(hostname)
  return {
    host: hostname.replaceAll(/[[\]]/g, ''),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    requireTLS: !secure && !isLocal,
    ignoreTLS: !secure && isLocal,
    ...(username !== '' && {
      auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
    }),
    connectionTimeout: CONNECT_WITHIN_MS,
    greetingTimeout: CONNECT_WITHIN_MS,
    dnsTimeout: CONNECT_WITHIN_MS,
    socketTimeout: MAIL_WITHIN_MS,
  }
}
