import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openTestApp, type TestApp } from '../support/app.ts'
import { eventually } from '../support/eventually.ts'
import { openSocket, parseAnswer, sendRaw } from '../support/raw-http.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

/** What every answer has, an error's too. */
const ONE_SHAPE = { error: String, error_description: String, request_id: String }
const HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cache-control': 'no-store',
  'content-type': 'application/json; charset=utf-8',
}

const listen = async (postern: TestApp): Promise<number> => {
  await postern.app.listen({ host: '127.0.0.1', port: 0 })
  // Its start may have kept a machine under load so busy that it says so for a moment.
  await eventually(10_000, async () => (await postern.app.inject('/healthz')).statusCode === 200)
  return (postern.app.server.address() as AddressInfo).port
}

const CLOSE = 'Host: x\r\nConnection: close\r\n\r\n'

const MALFORMED: [what: string, status: number, request: string][] = [
  ['no HTTP', 400, 'GARBAGE\r\n\r\n'],
  ['HTTP/2', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['another protocol', 400, '\x16\x03\x01\x02\x00\x01'],
  ['a header without a colon', 400, 'GET /healthz HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n'],
  ['two lengths', 400, `POST /v1/login HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n${CLOSE}`],
  [
    'a length and chunks',
    400,
    `POST /v1/login HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n${CLOSE}`,
  ],
  [
    'a chunk that is none',
    400,
    `POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n`,
  ],
  ['a method that there is not', 400, `BREW /healthz HTTP/1.1\r\n${CLOSE}`],
  ['a version that there is not', 400, `GET /healthz HTTP/9.9\r\n${CLOSE}`],
  ['no host', 400, 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['a tunnel', 400, `CONNECT example.org:443 HTTP/1.1\r\n${CLOSE}`],
  ['a long path', 431, `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${CLOSE}`],
  ['long headers', 431, `GET /healthz HTTP/1.1\r\nX-Long: ${'a'.repeat(20_000)}\r\n${CLOSE}`],
  ['an expectation', 417, `GET /healthz HTTP/1.1\r\nExpect: magic\r\n${CLOSE}`],
  ['a malformed path', 400, `GET /%zz HTTP/1.1\r\n${CLOSE}`],
  ['half a character', 400, `GET /%e4 HTTP/1.1\r\n${CLOSE}`],
  ['an encoded path', 404, `GET /%6detrics HTTP/1.1\r\n${CLOSE}`],
  ['a path with a fragment', 404, `GET /metrics#x HTTP/1.1\r\n${CLOSE}`],
  ['a path from elsewhere', 404, `GET http://example.org/%6detrics HTTP/1.1\r\n${CLOSE}`],
  ['dots', 404, `GET /x/../metrics HTTP/1.1\r\n${CLOSE}`],
  ['two slashes', 404, `GET //metrics HTTP/1.1\r\n${CLOSE}`],
  ['a semicolon', 404, `GET /metrics;x=y HTTP/1.1\r\n${CLOSE}`],
  ['a slash behind', 404, `GET /metrics/ HTTP/1.1\r\n${CLOSE}`],
  ['capitals', 404, `GET /METRICS HTTP/1.1\r\n${CLOSE}`],
  ['the whole server', 404, `OPTIONS * HTTP/1.1\r\n${CLOSE}`],
  ['a long name in a path', 401, `GET /v1/admin/clients/${'a'.repeat(500)} HTTP/1.1\r\n${CLOSE}`],
]

t.test(
  'what is not a request for Postern is answered in the one shape, with its headers',
  { skip },
  async (t) => {
    const postern = await openTestApp(t)
    const port = await listen(postern)
    for (const [what, status, request] of MALFORMED) {
      const answer = await sendRaw(port, request)
      t.equal(answer.status, status, what)
      t.match(answer.headers, HEADERS, what)
      const body = JSON.parse(answer.text)
      t.match(body, ONE_SHAPE, what)
      t.equal(answer.headers['x-request-id'], body.request_id, what)
      t.ok(answer.text.length < 300, what)
    }
  },
)

t.test('an absolute URL, and a path with a query, are found', { skip }, async (t) => {
  const port = await listen(await openTestApp(t))
  for (const path of ['http://login.example/healthz', '/healthz']) {
    t.equal((await sendRaw(port, `GET ${path} HTTP/1.1\r\n${CLOSE}`)).status, 200, path)
  }
  const refused = await sendRaw(port, `GET /healthz?a=%zz HTTP/1.1\r\n${CLOSE}`)
  t.match(JSON.parse(refused.text), { error: 'invalid_request', fields: ['a'] }, 'its query is validated')
})

t.test('a body that drips is refused in the one shape, and not logged as an error', { skip }, async (t) => {
  const lines: string[] = []
  const postern = await openTestApp(t, {
    environment: { LOG_LEVEL: 'trace' },
    logTo: { write: (line) => lines.push(line) },
  })
  const port = await listen(postern)
  const { requestTimeout, headersTimeout } = postern.app.server
  t.ok(requestTimeout > 0 && requestTimeout <= 10_000, 'a request has an end')
  t.ok(headersTimeout > 0 && headersTimeout <= requestTimeout)
  lines.length = 0
  postern.app.server.requestTimeout = 300
  postern.app.server.headersTimeout = 300
  const starts = {
    'half a body':
      'POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"pass',
    'half a form':
      'POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\ngrant',
    'half a chunk':
      'POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"p',
    'half a header': 'POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Ty',
    nothing: '',
  }
  for (const [what, start] of Object.entries(starts)) {
    const { socket, received, closed } = await openSocket(port)
    socket.write(start)
    await closed
    const answer = parseAnswer(received())
    t.equal(answer.status, 408, `${what}: ${received()}`)
    t.match(answer.headers, HEADERS, what)
    t.match(JSON.parse(answer.text), ONE_SHAPE, what)
  }
  t.same(lines, [], 'nothing is logged')
})

t.test('a slow body that arrives in time is answered as usual', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const port = await listen(postern)
  const account = await postern.createAccount()
  const body = JSON.stringify({ username: account.username, password: account.password })
  const { socket, received, closed } = await openSocket(port)
  socket.write(
    `POST /v1/login HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${CLOSE}`,
  )
  socket.write(body.slice(0, 10))
  // Longer than any answer may take: what the sender takes is not counted.
  await new Promise((resolve) => setTimeout(resolve, 2_100))
  t.equal(received(), '')
  socket.write(body.slice(10))
  await closed
  t.equal(parseAnswer(received()).status, 200, received())
})

t.test('a request while Postern closes is answered 503 in the one shape', { skip }, async (t) => {
  const postern = await openTestApp(t)
  const port = await listen(postern)
  const { socket, received, closed } = await openSocket(port)
  const login = '{"username":"ada","password":"x"}'
  // A connection that is not idle, so that it is left open.
  const arrived = new Promise((resolve) => postern.app.server.once('request', resolve))
  socket.write(
    `POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${login.length}\r\n\r\n`,
  )
  await arrived
  const closing = postern.app.close()
  socket.write(`${login}GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`)
  await Promise.all([closed, closing])
  const second = parseAnswer(received().slice(received().lastIndexOf('HTTP/1.1 ')))
  t.equal(second.status, 503, received())
  t.match(second.headers, { ...HEADERS, connection: 'close' })
  t.match(JSON.parse(second.text), { ...ONE_SHAPE, error: 'temporarily_unavailable' })
})
