// What a guard is: one hook over a group of routes. It runs before a body is read, so that a caller who is refused does
// not learn what the routes accept. The handlers behind it read the caller from the request.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Actor, Origin } from '../audit/event.ts'
import type { Deps } from '../deps.ts'
import { cutUserAgent } from '../wire/end-user.ts'
import type { Presented } from './access-token.ts'

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

/** The decorator of what a proof has proven: it is used once, and the caller is authenticated twice. */
const PROVEN = 'provenJkt'

/** Returns the caller of a request, or throws the refusal. */
type Authenticate<Caller> = (deps: Deps, request: Origin, presented: Presented) => Promise<Caller>

/** What a request proves besides its `Authorization`, asked once: a proof is good for one use. */
type Prove = (deps: Deps, request: FastifyRequest, now: Date) => Promise<string | null>

const provesNothing: Prove = async () => null

/** A body may take seconds to come, and longer than an instant in any case. */
const hasBody = ({ headers }: FastifyRequest): boolean =>
  'transfer-encoding' in headers || Number(headers['content-length'] ?? 0) > 0

/**
 * A guard, and the function that reads its caller in a handler. Where there is a body, the caller is authenticated
 * once more when it has come (docs/security.md 39): a session that has ended meanwhile, or a client whose secret was
 * changed, does nothing with a request that was begun before. `name` is the guard's own: where the route is not
 * behind this guard, the function throws, so that the handler answers nothing. Guards of
 * routes that take access tokens `prove` the key of a bound one (`proveKey`).
 */
export const guardWith = <Caller>(
  name: string,
  authenticate: Authenticate<Caller>,
  prove: Prove = provesNothing,
): { guard: Guard; callerOf: (request: FastifyRequest) => Caller } => ({
  guard(app, deps) {
    app.decorateRequest(name)
    app.decorateRequest(PROVEN)
    const letIn = async (request: FastifyRequest): Promise<void> => {
      const origin = originOf(request, deps.clock())
      const presented = {
        authorization: request.headers.authorization,
        jkt: request.getDecorator<string | null>(PROVEN),
      }
      request.setDecorator(name, await authenticate(deps, origin, presented))
    }
    app.addHook('onRequest', async (request) => {
      request.setDecorator(PROVEN, await prove(deps, request, deps.clock()))
      await letIn(request)
    })
    app.addHook('preHandler', async (request) => {
      if (hasBody(request)) await letIn(request)
    })
  },
  callerOf: (request) => request.getDecorator<Caller>(name),
})
