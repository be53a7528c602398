// What a guard is: one hook over a group of routes. It runs before a body is read, so that a caller who is refused does
// not learn what the routes accept. The handlers behind it read the caller from the request.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Actor, Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { cutUserAgent } from '../wire/end-user.ts'

const ANONYMOUS: Actor = { type: 'anonymous', id: null }

/** Where a request comes from, for audit events. `request.ip` believes only the configured proxies. */
export const originOf = (request: FastifyRequest, now: Date, actor: Actor = ANONYMOUS): Origin => ({
  now,
  requestId: request.id,
  ip: request.ip,
  userAgent: cutUserAgent(request.headers['user-agent']),
  actor,
})

/** Guards the routes of `app`, an encapsulated plugin. */
export type Guard = (app: FastifyInstance, deps: Deps) => void

/** Returns the caller of a request, or throws the refusal. */
type Authenticate<Caller> = (
  deps: Deps,
  request: Origin,
  authorization: string | undefined,
) => Promise<Caller>

/**
 * A guard, and the function that reads its caller in a handler. `name` is the guard's own: where the route is not
 * behind this guard, the function throws, so that the handler answers nothing.
 */
export const guardWith = <Caller>(
  name: string,
  authenticate: Authenticate<Caller>,
): { guard: Guard; callerOf: (request: FastifyRequest) => Caller } => ({
  guard(app, deps) {
    app.decorateRequest(name)
    app.addHook('onRequest', async (request) => {
      const origin = originOf(request, deps.clock())
      request.setDecorator(name, await authenticate(deps, origin, request.headers.authorization))
    })
  },
  callerOf: (request) => request.getDecorator<Caller>(name),
})
