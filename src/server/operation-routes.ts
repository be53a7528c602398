// What operators watch: the process, its dependencies, its figures. No caller's data passes here.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { ErrorBody, errorResponses } from '../wire/schemas.ts'
import { checkReadiness } from './check-readiness.ts'
import type { Metrics } from './metrics.ts'

const Check = Type.Object({
  status: Type.Union([Type.Literal('up'), Type.Literal('down')]),
  kind: Type.String(),
})
const Readiness = Type.Object({
  status: Type.Union([Type.Literal('ready'), Type.Literal('not_ready')]),
  postgres: Check,
  redis: Check,
  signing_keys: Check,
})

export const operationRoutes: FastifyPluginAsyncTypebox<{ deps: Deps; metrics: Metrics }> = async (
  app,
  { deps, metrics },
) => {
  app.get(
    '/healthz',
    {
      schema: {
        tags: ['Operators'],
        summary: 'Whether the process answers',
        response: { 200: Type.Object({ status: Type.Literal('ok') }), ...errorResponses() },
      },
    },
    async () => ({ status: 'ok' as const }),
  )

  app.get(
    '/readyz',
    {
      schema: {
        tags: ['Operators'],
        summary: 'Whether PostgreSQL, Redis and the signing keys are there, each named',
        // Its 503 has two bodies: one names what is away; the other says that the process is too busy or too slow.
        response: { ...errorResponses(), 200: Readiness, 503: Type.Union([Readiness, ErrorBody]) },
      },
    },
    async (_request, reply) => {
      const readiness = await checkReadiness(deps)
      return reply.code(readiness.status === 'ready' ? 200 : 503).send(readiness)
    },
  )

  app.get(
    '/metrics',
    {
      schema: {
        tags: ['Operators'],
        summary: 'Figures for Prometheus',
        produces: ['text/plain'],
        response: { ...errorResponses(), 200: Type.String() },
      },
    },
    async (_request, reply) => {
      reply.header('content-type', metrics.registry.contentType)
      return metrics.registry.metrics()
    },
  )
}
