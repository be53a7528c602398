import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { newMail } from '../../src/notices/mail.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { onBothEngines } from '../support/embedded.ts'
import { openMailServer } from '../support/mail-server.ts'

const skip = onBothEngines()

const MAIL = {
  to: 'ada@example.org',
  subject: 'Grüße',
  text: 'Guten Tag, Ihre Nummer ist 123456.',
  html: '<p>Guten Tag, <b>Ihre</b> Nummer ist 123456.</p>',
}

const QUEUE = { name: 'test_queue_mail', text: 'SELECT queue_mail($1::jsonb)' }
const MAILS = {
  name: 'test_mails',
  text: 'SELECT id, attempts, last_error, next_attempt_at, leased_until, sealed FROM mails',
}
type Row = {
  attempts: number
  last_error: string | null
  next_attempt_at: Date
  leased_until: Date | null
  sealed: string
}

const queue = async ({ deps, now }: TestApp) => {
  const mail = newMail(deps.sealer, MAIL, { kind: 'registration', accountId: null, now: now() })
  await deps.postgres.query(QUEUE, [JSON.stringify(mail)])
  deps.mailer.wake()
  return mail
}

const rows = ({ deps }: TestApp): Promise<Row[]> => deps.postgres.query<Row>(MAILS)

const until = async (postern: TestApp, test: (rows: Row[]) => boolean): Promise<Row[]> => {
  for (let tries = 0; ; tries += 1) {
    const found = await rows(postern)
    if (test(found)) return found
    if (tries > 500) throw new Error(`still ${JSON.stringify(found)}`)
    await sleep(20)
  }
}

const isPostponed = ([row]: Row[]) =>
  row !== undefined && row.last_error !== null && row.leased_until === null

const open = async (t: Test, options: Parameters<typeof openMailServer>[1] = {}) => {
  const server = await openMailServer(t, options)
  const postern = await openTestApp(t, { environment: server.environment })
  return { server, postern }
}

t.test(
  'a mail is sent within a second as text and HTML, recorded without its address, and deleted',
  { skip },
  async (t) => {
    const { server, postern } = await open(t)
    const began = performance.now()
    const { id, sealed } = await queue(postern)
    t.notMatch(sealed, /ada/)
    const [mail] = await server.atLeast(1)
    t.ok(performance.now() - began < 1_000)
    t.match(mail, {
      from: 'no-reply@example.org',
      to: MAIL.to,
      headers: {
        from: 'Example <no-reply@example.org>',
        subject: MAIL.subject,
        'message-id': `<${id}@example.org>`,
        'auto-submitted': 'auto-generated',
      },
    })
    t.equal(mail?.text.trim(), MAIL.text)
    t.equal(mail?.html.trim(), MAIL.html)
    await until(postern, (found) => found.length === 0)
    const [event] = await postern.auditEvents({ event: 'mail.sent' })
    t.same(event?.details, { mail_id: id, kind: 'registration', attempts: 1 })
  },
)

t.test('credentials of the URL are sent, and unescaped', { skip }, async (t) => {
  const given: unknown[] = []
  const { server, postern } = await open(t, {
    authOptional: false,
    onAuth({ username, password }, _session, done) {
      given.push([username, password])
      done(null, { user: username })
    },
  })
  await queue(postern)
  await server.atLeast(1)
  t.same(given, [['postern', 'p@ss']])
})

t.test('while the mail server is away, a mail is kept, and sent when it is back', { skip }, async (t) => {
  let isAway = true
  const { server, postern } = await open(t, {
    refuse: () => (isAway ? Object.assign(new Error('ada@example.org later'), { responseCode: 451 }) : null),
  })
  await queue(postern)
  const [row] = await until(postern, isPostponed)
  t.equal(row?.last_error, 'EENVELOPE 451', 'without the words of the server')
  isAway = false
  postern.advance(2)
  postern.deps.mailer.wake()
  await server.atLeast(1)
  await until(postern, (found) => found.length === 0)
  t.match(await postern.auditEvents({ event: 'mail.sent' }), [{ details: { attempts: 2 } }])
})

t.test('a mail whose recipient is refused for good is given up at once', { skip }, async (t) => {
  const { server, postern } = await open(t, {
    refuse: () => Object.assign(new Error('no such ada@example.org'), { responseCode: 550 }),
  })
  const { id } = await queue(postern)
  await until(postern, (found) => found.length === 0)
  t.equal(server.received.length, 0)
  t.match(await postern.auditEvents({ event: 'mail.failed' }), [
    { outcome: 'failure', details: { mail_id: id, attempts: 1, error: 'EENVELOPE 550' } },
  ])
})

t.test('after an hour without a mail server it is given up', { skip }, async (t) => {
  const { server, postern } = await open(t, {
    refuse: () => Object.assign(new Error('later'), { responseCode: 451 }),
  })
  await queue(postern)
  await until(postern, isPostponed)
  postern.advance(3_600)
  postern.deps.mailer.wake()
  await until(postern, (found) => found.length === 0)
  t.equal(server.received.length, 0)
  t.match(await postern.auditEvents({ event: 'mail.failed' }), [{ details: { error: 'EENVELOPE 451' } }])
})

t.test('a server that does not speak holds nothing up but its mail', { skip }, async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as { port: number }
  const postern = await openTestApp(t, {
    environment: { POSTERN_SMTP_URL: `smtp://127.0.0.1:${port}`, POSTERN_MAIL_FROM: 'no-reply@example.org' },
  })
  const connected = once(silent, 'connection')
  await queue(postern)
  const [socket] = await connected
  const { status } = await postern.request('GET', '/healthz')
  t.equal(status, 200)
  const began = performance.now()
  await postern.deps.mailer.close()
  t.ok(performance.now() - began < 4_000, 'a stop does not wait for it')
  t.match(await rows(postern), [{ last_error: 'given up at a stop' }], 'whoever comes next sends it')
  socket.destroy()
  silent.close()
})

t.test('a mail that another replica has leased is not sent twice', { skip }, async (t) => {
  const { server, postern } = await open(t)
  await Promise.all([queue(postern), queue(postern), queue(postern)])
  for (let i = 0; i < 10; i += 1) postern.deps.mailer.wake()
  await until(postern, (found) => found.length === 0)
  t.equal(server.received.length, 3)
})
