// What of a request is taken, before any route: where it comes from, which route it is for, and its body.

import type { IncomingMessage } from 'node:http'
import type { FastifyRequest, preValidationHookHandler } from 'fastify'
import { AuthError, namesOf } from '../errors.ts'
import { isAddress } from '../wire/end-user.ts'
import type { App } from './app.ts'

/** No address: the connection is gone, and nobody will be answered. */
const UNSPECIFIED = '::'

/** The other end of the connection. A link-local address has its zone behind it, which says nothing elsewhere. */
const peerAddress = ({ socket }: FastifyRequest): string => {
  const [address = ''] = (socket.remoteAddress ?? '').split('%')
  return isAddress(address) ? address : UNSPECIFIED
}

/**
 * Where a trusted proxy names what is no address (`unknown`, `192.0.2.7:5123`), its own counts (docs/security.md
 * 34). Decision: nothing is cut off to make it one, because a proxy that writes ports into the header may write
 * other things into it too; it is set up to write addresses.
 */
export const settleAddresses = (app: App): void => {
  app.addHook('onRequest', (request, _reply, done) => {
    if (!isAddress(request.ip)) Object.defineProperty(request, 'ip', { value: peerAddress(request) })
    done()
  })
}

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

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0)

/** What a route did not ask for is refused like an unknown member; `{}` and nothing are the same. */
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

/** JSON and nothing else; an empty body is no body, and the route's schema says whether it needs one. */
export const parseBodies = (app: App): void => {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else parse(request, body, done)
  })
  app.addHook('preValidation', refuseUnasked)
}
