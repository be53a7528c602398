import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { fetchFrom, type OutboundRequest } from '../../src/outbound/fetch-from.ts'
import { createOutbound, type Resolve } from '../../src/outbound/outbound.ts'
import { OutboundError } from '../../src/outbound/outbound-error.ts'

const LOOPBACK = ['127.0.0.0/8', '::1/128']
const WITHIN: OutboundRequest = { method: 'GET', maxBytes: 1_000, timeoutMs: 5_000 }

const listen = async (t: Test, answer: RequestListener) => {
  const server: Server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const open = (t: Test, allowed: string[] = LOOPBACK, resolve?: Resolve) => {
  const outbound = createOutbound({ allowedPrivateNetworks: allowed }, resolve)
  t.teardown(() => outbound.close())
  return { outbound }
}

/** Why it was refused; '' where it was not. */
const reasonOf = async (asked: Promise<unknown>): Promise<string> => {
  try {
    await asked
    return ''
  } catch (error) {
    if (error instanceof OutboundError) return error.reason
    throw error
  }
}

t.test('what a host answers is given as it came', async (t) => {
  const seen: unknown[] = []
  const port = await listen(t, async (request, response) => {
    const chunks = await request.toArray()
    seen.push([
      request.method,
      request.url,
      request.headers['content-type'],
      Buffer.concat(chunks).toString(),
    ])
    response.writeHead(201, { 'content-type': 'application/json' }).end('{"a":1}')
  })
  const answer = await fetchFrom(open(t), `http://localhost:${port}/there?x=1`, {
    ...WITHIN,
    method: 'POST',
    body: 'a=b',
    contentType: 'application/x-www-form-urlencoded',
  })
  t.match(answer, { status: 201, headers: { 'content-type': 'application/json' } })
  t.equal(answer.body.toString(), '{"a":1}')
  t.same(seen, [['POST', '/there?x=1', 'application/x-www-form-urlencoded', 'a=b']])
})

t.test('only https is fetched, and http from this machine', async (t) => {
  const deps = open(t)
  for (const url of [
    'no url',
    'http://example.org/',
    'http://10.0.0.1/',
    'http://localhost.example.org/',
    'ftp://localhost/',
    'file:///etc/passwd',
    'https://user:secret@example.org/',
  ])
    t.equal(await reasonOf(fetchFrom(deps, url, WITHIN)), 'url_refused', url)
})

t.test('a private address is never connected to, in whichever form the URL has it', async (t) => {
  let connections = 0
  const port = await listen(t, (_, response) => {
    connections += 1
    response.end()
  })
  const deps = open(t, [])
  for (const host of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    'localhost',
    '[::1]',
    '[::ffff:127.0.0.1]',
  ])
    t.equal(await reasonOf(fetchFrom(deps, `https://${host}:${port}/`, WITHIN)), 'address_refused', host)
  for (const url of [`http://localhost:${port}/`, `http://127.0.0.1:${port}/`, `http://[::1]:${port}/`])
    t.equal(await reasonOf(fetchFrom(deps, url, WITHIN)), 'address_refused', url)
  for (const host of ['10.0.0.1', '169.254.169.254', '[::ffff:10.0.0.1]', '[fd00::1]'])
    t.equal(await reasonOf(fetchFrom(deps, `https://${host}/`, WITHIN)), 'address_refused', host)
  t.equal(connections, 0)
})

t.test('a name with one private address among others is refused', async (t) => {
  const resolve: Resolve = (_, callback) =>
    callback(null, [
      { address: '9.9.9.9', family: 4 },
      { address: '10.0.0.1', family: 4 },
    ])
  t.equal(
    await reasonOf(fetchFrom(open(t, [], resolve), 'https://client.example/', WITHIN)),
    'address_refused',
  )
})

t.test(
  'the address that was checked is the one that is connected to: the name is resolved once',
  async (t) => {
    const port = await listen(t, (_, response) => response.end('here'))
    const asked: string[] = []
    const resolve: Resolve = (hostname, callback) => {
      asked.push(hostname)
      // The second answer of a name server that rebinds.
      callback(null, [{ address: asked.length === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }])
    }
    const answer = await fetchFrom(open(t, ['127.0.0.1'], resolve), `http://localhost:${port}/`, WITHIN)
    t.equal(answer.body.toString(), 'here')
    t.same(asked, ['localhost'])
  },
)

t.test('a name that does not resolve, and a port where nobody listens', async (t) => {
  const resolve: Resolve = (_, callback) =>
    callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), [])
  t.equal(await reasonOf(fetchFrom(open(t, [], resolve), 'https://client.example/', WITHIN)), 'unresolvable')
  const port = await listen(t, (_, response) => response.end())
  t.equal(
    await reasonOf(fetchFrom(open(t), `http://localhost:${port === 1 ? 2 : 1}/`, WITHIN)),
    'unreachable',
  )
  // Plain HTTP is no TLS.
  t.equal(await reasonOf(fetchFrom(open(t), `https://localhost:${port}/`, WITHIN)), 'unreachable')
})

t.test('redirects are not followed', async (t) => {
  let followed = false
  const port = await listen(t, (request, response) => {
    if (request.url === '/there') followed = true
    response.writeHead(302, { location: '/there' }).end()
  })
  t.equal(await reasonOf(fetchFrom(open(t), `http://localhost:${port}/`, WITHIN)), 'redirected')
  t.notOk(followed)
})

t.test('an endless answer is given up at the limit, whether or not it says its length', async (t) => {
  const closed: Promise<unknown>[] = []
  const port = await listen(t, (request, response) => {
    closed.push(once(response, 'close'))
    if (request.url === '/said') response.setHeader('content-length', 1e9)
    const write = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) {}
    }
    response.on('drain', write)
    write()
  })
  const deps = open(t)
  for (const path of ['said', 'unsaid'])
    t.equal(await reasonOf(fetchFrom(deps, `http://localhost:${port}/${path}`, WITHIN)), 'too_large', path)
  await Promise.all(closed)
  t.equal(closed.length, 2, 'each connection was closed')
})

t.test('a host that hangs or drips is given up in time', async (t) => {
  const port = await listen(t, (request, response) => {
    if (request.url === '/hangs') return
    const timer = setInterval(() => response.write('.'), 20)
    response.on('close', () => clearInterval(timer))
  })
  const deps = open(t)
  for (const path of ['hangs', 'drips']) {
    const asked = fetchFrom(deps, `http://localhost:${port}/${path}`, { ...WITHIN, timeoutMs: 200 })
    t.equal(await reasonOf(asked), 'timed_out', path)
  }
  const silent: Resolve = () => {}
  const asked = fetchFrom(open(t, [], silent), 'https://client.example/', { ...WITHIN, timeoutMs: 200 })
  const began = performance.now()
  t.equal(await reasonOf(asked), 'timed_out', 'a name server')
  t.ok(performance.now() - began < 2_000, 'also while it is not connected yet')
})

t.test('a caller can give up', async (t) => {
  const controller = new AbortController()
  const port = await listen(t, () => controller.abort())
  const asked = fetchFrom(open(t), `http://localhost:${port}/`, { ...WITHIN, signal: controller.signal })
  t.equal(await reasonOf(asked), 'aborted')
})
