// What is read of a request before any route: where it comes from, which route it is for, and its body.

import type { IncomingMessage } from 'node:http'
import type { FastifyRequest, preValidationHookHandler } from 'fastify'
import { AuthError } from '../errors.ts'
import { isAddress } from '../wire/end-user.ts'
import { namesOf } from '../wire/problems.ts'
import type { App } from './app.ts'

/** Not an address: the connection is closed, and there will be no answer. */
const UNSPECIFIED = '::'

/** The other end of the connection. The zone of a link-local address is cut off: it means nothing on other machines. */
const peerAddress = ({ socket }: FastifyRequest): string => {
  const [address = ''] = (socket.remoteAddress ?? '').split('%')
  return isAddress(address) ? address : UNSPECIFIED
}

/**
 * Where a trusted proxy names something that is not an address (`unknown`, `192.0.2.7:5123`), the proxy's own address
 * counts (docs/security.md 34). Decision: nothing is cut off to make an address of it, because a proxy that writes ports
 * into the header may write other things too. Such a proxy has to be configured to write addresses.
 */
export const settleAddresses = (app: App): void => {
  app.addHook('onRequest', (request, _reply, done) => {
    if (!isAddress(request.ip)) Object.defineProperty(request, 'ip', { value: peerAddress(request) })
    done()
  })
}

/** A path that no route has. */
const NOWHERE = '/nowhere'

/** A path, from the root on or after a host, and its query. */
const PLAIN = /^(?:https?:\/\/[^/?#]+)?\/[^%#?]*(?:\?|$)/i

/**
 * Fastify's `rewriteUrl`. Decision: a path is accepted only as it is documented. No path of Postern needs an encoded
 * character, and a proxy that blocks `/metrics` would let `/%6detrics` pass.
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
 * Refuses, before its body is read, a request that no route is for: 405 with `Allow` where the path takes other methods.
 * Has to be registered before the routes, and after the hooks that every request passes.
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

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0)

/** A body or query that a route does not take is refused like an unknown member. `{}` counts as no body. */
const refuseUnasked: preValidationHookHandler = ({ routeOptions, body, query }, _reply, done) => {
  const { schema } = routeOptions
  if (!schema || schema.hide) return done()
  if (!schema.body && !isEmpty(body)) {
    return done(new AuthError('invalid_request', 'This route takes no body.', { fields: ['body'] }))
  }
  if (!schema.querystring && !isEmpty(query)) {
    const fields = namesOf(Object.keys(query as object))
    return done(new AuthError('invalid_request', 'This route takes no query parameters.', { fields }))
  }
  done()
}

/** Accepts JSON only. An empty body is no body; the route's schema says whether it needs one. */
export const parseBodies = (app: App): void => {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else parse(request, body, done)
  })
  app.addHook('preValidation', refuseUnasked)
}
