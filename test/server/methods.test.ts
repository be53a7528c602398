import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openTestApp } from '../support/app.ts'
import { sendRaw } from '../support/raw-http.ts'
import { routesOf } from '../support/routes.ts'
import { missingServer } from '../support/servers.ts'

const skip = missingServer('postgres') || missingServer('redis')

const ID = '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11'
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY']

t.test('a path answers its methods, and any other with 405 and Allow', { skip }, async (t) => {
  const { built: postern, routes } = await routesOf(() => openTestApp(t))
  await postern.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = postern.app.server.address() as AddressInfo
  const paths = Map.groupBy(
    routes.filter(({ url }) => !url.startsWith('/docs')),
    ({ url }) => url,
  )
  t.ok(paths.size > 30)
  // `…/totp` is taken by `…/:id` too.
  const takes = (url: string, path: string) =>
    new RegExp(`^${url.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`).test(path)
  for (const path of paths.keys()) {
    const allowed = routes.filter(({ url }) => takes(url, path)).flatMap(({ method }) => method)
    for (const method of METHODS.filter((one) => !allowed.includes(one))) {
      // Whatever the body is, and without credentials: the path says what it takes.
      const answer = await sendRaw(
        port,
        `${method} ${path.replaceAll(/:\w+/g, ID)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n` +
          'Content-Type: application/json\r\nContent-Length: 1\r\n\r\n{',
      )
      const name = `${method} ${path}`
      t.equal(answer.status, 405, name)
      t.same(answer.headers.allow?.split(', ').sort(), allowed.sort(), name)
      t.equal(answer.headers['cache-control'], 'no-store', name)
      if (method === 'HEAD') t.equal(answer.text, '', name)
      else t.match(JSON.parse(answer.text), { error: 'method_not_allowed', request_id: String }, name)
    }
  }
})

t.test('HEAD answers what GET does, without the body', { skip }, async (t) => {
  const postern = await openTestApp(t)
  for (const url of [
    '/healthz',
    '/metrics',
    '/.well-known/jwks.json',
    '/openapi.json',
    '/v1/me',
    '/v1/nothing',
  ]) {
    const head = await postern.app.inject({ method: 'HEAD', url })
    const get = await postern.app.inject({ method: 'GET', url })
    t.equal(head.statusCode, get.statusCode, url)
    t.equal(head.body, '', url)
    t.equal(head.headers['content-type'], get.headers['content-type'], url)
    t.equal(head.headers['cache-control'], get.headers['cache-control'], url)
  }
})
