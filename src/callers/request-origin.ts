import type { FastifyRequest } from 'fastify'
import type { Actor, Origin } from '../audit/event.ts'
import { cutUserAgent } from '../wire/user-agent.ts'

const ANONYMOUS: Actor = { type: 'anonymous', id: null }

/** Where a request comes from, for audit events. `request.ip` believes only the configured proxies. */
export const originOf = (request: FastifyRequest, now: Date, actor: Actor = ANONYMOUS): Origin => ({
  now,
  requestId: request.id,
  ip: request.ip,
  userAgent: cutUserAgent(request.headers['user-agent']),
  actor,
})
