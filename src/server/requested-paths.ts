// Which route a request is for, and what is answered where there is none.
import type { IncomingMessage } from 'node:http'
import { AuthError } from '../errors.ts'
import type { App } from './app.ts'

/** No route is here, nor will there be one. */
const NOWHERE = '/nowhere'

/** A path as it is, from the root on or behind a host, and whatever query follows. */
const PLAIN = /^(?:https?:\/\/[^/?#]+)?\/[^%#?]*(?:\?|$)/i

/**
 * Fastify's `rewriteUrl`. Decision: a path is taken only as it is documented. None of Postern's needs an encoded
 * character, and `/%6detrics` would go past a proxy that keeps `/metrics` in.
 */
export const plainPath = ({ url = '' }: Pick<IncomingMessage, 'url'>): string =>
  PLAIN.test(url) ? url : NOWHERE

const isDecodable = (url: string): boolean => {
  try {
    decodeURI(url.replace(/\?.*/s, ''))
    return true
  } catch {
    return false
  }
}

const refusalOf = (originalUrl: string): AuthError =>
  isDecodable(originalUrl)
    ? new AuthError('not_found', 'There is no such route.')
    : new AuthError('invalid_request', 'The path is malformed.', { fields: ['path'] })

/**
 * Refuses what no route is for before a body is read: 405 with `Allow` where the path takes other methods. Has to
 * come before the routes, and behind what every request passes.
 */
export const refuseUnrouted = (app: App): void => {
  const routes: { path: RegExp; methods: string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    const parts = url.split(/(:\w+|\*)/).map((part, index) => {
      if (index % 2 === 0) return part.replaceAll('.', '\\.')
      return part === '*' ? '.*' : '[^/]+'
    })
    routes.push({ path: new RegExp(`^${parts.join('')}$`), methods: [method].flat() })
  })
  app.addHook('onRequest', (request, reply, done) => {
    const { headers, httpVersion } = request.raw
    // RFC 9112 3.2.
    if (headers.host === undefined && httpVersion === '1.1')
      return done(new AuthError('invalid_request', 'The Host header is missing.'))
    if (!request.is404) return done()
    const [path = ''] = request.url.split('?')
    const allowed = new Set(routes.filter((route) => route.path.test(path)).flatMap(({ methods }) => methods))
    if (allowed.size === 0) return done(refusalOf(request.originalUrl))
    reply.header('allow', [...allowed].join(', '))
    done(new AuthError('method_not_allowed'))
  })
}
