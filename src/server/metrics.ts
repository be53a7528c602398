// Figures of this process, for Prometheus.
import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Deps } from '../deps.ts'
import { type Backlog, countNotices } from '../notices/count-notices.ts'

export type Metrics = { registry: Registry; observe(app: FastifyInstance): void }

const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

type MetricsDeps = Pick<Deps, 'postgres' | 'clock'>

/** The same on every replica. */
const observeNotices = (deps: MetricsDeps, registers: Registry[]): void => {
  let counting: Promise<Backlog> | null = null
  // Both are of one count: they are collected at once.
  const count = (): Promise<Backlog> => {
    counting ??= countNotices(deps).finally(() => {
      counting = null
    })
    return counting
  }
  new Gauge({
    name: 'postern_logout_notices_pending',
    help: 'Logout notices that are not delivered yet, of all replicas.',
    registers,
    async collect() {
      this.set((await count()).pending)
    },
  })
  new Gauge({
    name: 'postern_logout_notice_oldest_seconds',
    help: 'For how long the oldest of them has been waiting; 0 where there is none.',
    registers,
    async collect() {
      this.set((await count()).oldestSeconds)
    },
  })
}

export const createMetrics = (deps: MetricsDeps): Metrics => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'postern_' })
  const duration = new Histogram({
    name: 'postern_http_request_duration_seconds',
    help: 'Time to answer, by route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  })
  const refusals = new Counter({
    name: 'postern_refusals_total',
    help: 'Requests refused, by error code.',
    labelNames: ['error'],
    registers: [registry],
  })
  observeNotices(deps, [registry])
  return {
    registry,
    observe(app) {
      app.decorateReply('errorCode', '')
      app.addHook('onResponse', (request, reply, done) => {
        const route = request.routeOptions.url ?? 'unknown'
        duration.observe(
          { method: request.method, route, status: reply.statusCode },
          reply.elapsedTime / 1000,
        )
        if (reply.errorCode) refusals.inc({ error: reply.errorCode })
        done()
      })
    },
  }
}

declare module 'fastify' {
  interface FastifyReply {
    /** The `error` of an error answer; empty otherwise. */
    errorCode: string
  }
}
