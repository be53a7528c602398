// A mail server on loopback, on a real socket: keeps what it is sent, or refuses it as the test says.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { Test } from 'tap'

export type Received = {
  from: string
  to: string
  headers: Record<string, string>
  text: string
  html: string
}

type Part = { headers: Record<string, string>; body: string }

const partOf = (raw: string): Part => {
  const end = raw.indexOf('\r\n\r\n')
  const lines = raw
    .slice(0, end)
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = lines.map((line) => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    line.slice(line.indexOf(':') + 1).trim(),
  ])
  return { headers: Object.fromEntries(headers), body: raw.slice(end + 4) }
}

const decoded = ({ headers, body }: Part): string => {
  const encoding = headers['content-transfer-encoding'] ?? '7bit'
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8')
  if (encoding !== 'quoted-printable') return body
  const bytes = body
    .replaceAll('=\r\n', '')
    .replaceAll(/=([\dA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** RFC 2047, as far as one encoded word after the other. */
const wordsOf = (text: string): string =>
  text.replaceAll(/=\?utf-8\?([bq])\?([^?]*)\?=\s*/gi, (_, how: string, word: string) =>
    how.toLowerCase() === 'b'
      ? Buffer.from(word, 'base64').toString('utf8')
      : decoded({
          headers: { 'content-transfer-encoding': 'quoted-printable' },
          body: word.replaceAll('_', ' '),
        }),
  )

const read = (raw: string): Pick<Received, 'headers' | 'text' | 'html'> => {
  const { headers, body } = partOf(raw)
  const [, boundary = ''] = /boundary="?([^";]+)/.exec(headers['content-type'] ?? '') ?? []
  const parts = body
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => partOf(part.slice(2)))
  const of = (type: string) => {
    const part = parts.find(({ headers: { 'content-type': own = '' } }) => own.startsWith(type))
    return part ? decoded(part) : ''
  }
  const subject = wordsOf(headers.subject ?? '')
  return { headers: { ...headers, subject }, text: of('text/plain'), html: of('text/html') }
}

export type MailServerOptions = SMTPServerOptions & {
  /** Answers a recipient; an error with `responseCode` refuses it. */
  refuse?: () => Error | null
}

export const openMailServer = async (
  t: Test,
  { refuse = () => null, ...options }: MailServerOptions = {},
) => {
  const received: Received[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    ...options,
    onRcptTo: (_address, _session, done) => done(refuse()),
    async onData(stream, { envelope }, done) {
      const raw = Buffer.concat(await stream.toArray()).toString('utf8')
      const from = envelope.mailFrom ? envelope.mailFrom.address : ''
      received.push({ from, to: envelope.rcptTo.map(({ address }) => address).join(), ...read(raw) })
      done()
    },
  })
  // What goes wrong on a connection is what a test is about.
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const scheme = options.secure ? 'smtps' : 'smtp'
  const credentials = options.onAuth ? 'postern:p%40ss@' : ''
  return {
    received,
    port,
    /** What a test app is opened with to send mail here. */
    environment: {
      POSTERN_SMTP_URL: `${scheme}://${credentials}127.0.0.1:${port}`,
      POSTERN_MAIL_FROM: 'Example <no-reply@example.org>',
    },
    /** Waits until this many have come. */
    async atLeast(count: number): Promise<Received[]> {
      for (let tries = 0; received.length < count; tries += 1) {
        if (tries > 500) throw new Error(`${received.length} of ${count} mails have come`)
        await sleep(20)
      }
      return received
    },
  }
}
