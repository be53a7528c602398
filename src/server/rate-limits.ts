import rateLimit from '@fastify/rate-limit'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { throttledNetwork } from '../wire/end-user.ts'
import type { App } from './app.ts'

/** Health checks are not limited. */
const WATCHED = ['/healthz', '/readyz']

/**
 * Per-network flood protection. Decision: counted in each process and not in Redis, because it protects the process, and
 * Redis would cost every request a round trip. The budgets against guessing are in Redis.
 */
export const limitRates = async (app: App, deps: Pick<Deps, 'config'>): Promise<void> => {
  const { rateLimitPerMinute } = deps.config
  if (rateLimitPerMinute === 0) return
  await app.register(rateLimit, {
    global: false,
    max: rateLimitPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => throttledNetwork(request.ip),
    allowList: ({ is404, url }) => !is404 && WATCHED.includes(url),
    errorResponseBuilder: (_request, context) =>
      new AuthError('rate_limited', undefined, { retry_after: Math.max(1, Math.ceil(context.ttl / 1000)) }),
  })
  // A hook of the whole app, which runs before the guards, which are hooks of groups. So requests that a guard refuses are
  // counted too, and requests that no route is for.
  app.addHook('onRequest', app.rateLimit())
}
