// Which pages of other origins may read an answer (CORS). Only the registered `web_origins` of clients, and only what a
// browser application needs; no cookie is ever taken from them.
//
// Decision: not @fastify/cors, whose preflight route takes every path of the application, so that no path would answer 404
// or 405 by itself any more.
import type { FastifyRequest, onSendHookHandler } from 'fastify'
import { presentedToken } from '../callers/access-token.ts'
import type { Deps } from '../deps.ts'
import { AuthError, DependencyError } from '../errors.ts'
import type { App } from './app.ts'

type CorsDeps = Pick<Deps, 'clients' | 'clock' | 'verifyIssuedToken'>

/** The methods of each path that pages may call. `client`: it is about one client, whose origins count where it is known. */
const PATHS: Record<string, { methods: string; about: 'client' | 'anyone' }> = {
  '/oauth2/token': { methods: 'POST', about: 'client' },
  '/oauth2/revoke': { methods: 'POST', about: 'client' },
  '/oauth2/userinfo': { methods: 'GET, POST', about: 'client' },
  '/.well-known/jwks.json': { methods: 'GET', about: 'anyone' },
  '/.well-known/openid-configuration': { methods: 'GET', about: 'anyone' },
  '/.well-known/oauth-authorization-server': { methods: 'GET', about: 'anyone' },
}

const REQUEST_HEADERS = 'Authorization, Content-Type, DPoP'
const EXPOSED_HEADERS = 'DPoP-Nonce, WWW-Authenticate, Retry-After'
const PREFLIGHT_SECONDS = '600'

/** Longer than any origin that can be registered. */
const MAX_ORIGIN_LENGTH = 512

/** The client that a request names: in its form, or by its access token. Whether it is that client does not matter here. */
const namedClientId = async (deps: CorsDeps, { body, headers }: FastifyRequest): Promise<string | null> => {
  if (typeof body === 'object' && body !== null) {
    const form: Record<string, unknown> = { ...body }
    if (typeof form.client_id === 'string') return form.client_id
    if (typeof form.access_token === 'string') return clientIdOf(deps, form.access_token)
  }
  const presented = presentedToken(headers.authorization)
  return presented && clientIdOf(deps, presented.token)
}

const clientIdOf = async (deps: CorsDeps, token: string): Promise<string | null> => {
  try {
    return (await deps.verifyIssuedToken(token, deps.clock())).clientId
  } catch (error) {
    if (error instanceof AuthError) return null
    throw error
  }
}

const isAllowed = async (deps: CorsDeps, request: FastifyRequest, origin: string): Promise<boolean> => {
  if (origin.length > MAX_ORIGIN_LENGTH) return false
  const about = PATHS[request.routeOptions.url ?? '']?.about
  const clientId = about === 'client' ? await namedClientId(deps, request) : null
  if (clientId === null || clientId.includes('\0')) return (await deps.clients.webOrigins()).has(origin)
  return (await deps.clients.find(clientId))?.webOrigins.includes(origin) ?? false
}

/** Where PostgreSQL is away nobody is allowed, and the answer is what it is. */
const isAllowedNow = async (deps: CorsDeps, request: FastifyRequest, origin: string): Promise<boolean> => {
  try {
    return await isAllowed(deps, request, origin)
  } catch (error) {
    if (error instanceof DependencyError) return false
    throw error
  }
}

/** Has to be registered before the routes. Only routes that pages may call have the hook: the others do not pay for it. */
export const shareWithOrigins = (app: App, deps: CorsDeps): void => {
  const share: onSendHookHandler = (request, reply, payload, done) => {
    reply.header('vary', 'Origin')
    const { origin } = request.headers
    if (origin === undefined) return done(null, payload)
    isAllowedNow(deps, request, origin).then((allowed) => {
      if (allowed) {
        reply.headers({
          'access-control-allow-origin': origin,
          'access-control-expose-headers': EXPOSED_HEADERS,
        })
      }
      done(null, payload)
    }, done)
  }
  app.addHook('onRoute', (route) => {
    if (route.url in PATHS) route.onSend = [share, route.onSend ?? []].flat()
  })
}

/** What a browser asks before it lets a page send such a request. */
export const answerPreflights = async (app: App, deps: CorsDeps): Promise<void> => {
  for (const [path, { methods }] of Object.entries(PATHS)) {
    app.options(path, { schema: { hide: true } }, async (request, reply) => {
      const { origin } = request.headers
      if (origin !== undefined && (await isAllowedNow(deps, request, origin))) {
        reply.headers({
          'access-control-allow-methods': methods,
          'access-control-allow-headers': REQUEST_HEADERS,
          'access-control-max-age': PREFLIGHT_SECONDS,
        })
      }
      return reply.code(204).send()
    })
  }
}
