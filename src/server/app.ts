// The only HTTP wiring: Fastify's options, the hooks that hold for every route, and the list of routes.

import { randomUUID } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import underPressure from '@fastify/under-pressure'
import Fastify, { type FastifyBaseLogger, LogController, type preValidationHookHandler } from 'fastify'
import { accountAdminRoutes } from '../administration/accounts/routes.ts'
import { auditAdminRoutes } from '../administration/audit/routes.ts'
import { clientAdminRoutes } from '../administration/clients/routes.ts'
import { keyAdminRoutes } from '../administration/keys/routes.ts'
import { policyAdminRoutes } from '../administration/policy/routes.ts'
import type { Guard } from '../callers/guard.ts'
import {
  guardAccount,
  guardBearer,
  guardChange,
  guardEnrollee,
  guardEnrollment,
  guardSession,
  guardSettings,
} from '../callers/guard-account.ts'
import { guardAdministration } from '../callers/guard-administration.ts'
import type { Deps } from '../deps.ts'
import { AuthError, namesOf, renderError } from '../errors.ts'
import { metadataRoutes } from '../oauth/metadata-routes.ts'
import { oauthRoutes } from '../oauth/routes.ts'
import { activityRoutes } from '../profile/activity-routes.ts'
import { enrolledRoutes, enrollmentRoutes } from '../profile/authenticators/enrollment-routes.ts'
import {
  disableRoutes,
  secondFactorChangeRoutes,
  secondFactorRoutes,
} from '../profile/authenticators/routes.ts'
import { passwordRoutes } from '../profile/password-routes.ts'
import { profileChangeRoutes, profileRoutes } from '../profile/routes.ts'
import { logoutRoutes, sessionRoutes } from '../profile/session-routes.ts'
import { challengeRoutes } from '../sign-in/challenge-routes.ts'
import { loginRoutes } from '../sign-in/login-routes.ts'
import { stepUpRoutes } from '../sign-in/step-up-routes.ts'
import { throttledNetwork } from '../wire/network.ts'
import { compileValidator } from '../wire/validation.ts'
import { setAnswerHeaders } from './answer-headers.ts'
import { answerInTime } from './answer-in-time.ts'
import { describeApi } from './describe-api.ts'
import { createMetrics } from './metrics.ts'
import { operationRoutes } from './operation-routes.ts'
import { sharedSerializers } from './response-serialization.ts'

/** Bodies are small; whatever is larger is not meant for Postern. */
const BODY_LIMIT_BYTES = 64 * 1024

/** Beyond this an answer would be late in any case (see `answer-in-time.ts`), so it is refused at once. */
const MAX_EVENT_LOOP_DELAY_MS = 1_900

const buildFastify = (deps: Deps) =>
  Fastify({
    loggerInstance: deps.log as FastifyBaseLogger,
    // Requests are told by metrics and audit events; a line each would hold user agents and addresses.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: deps.config.trustedProxies.length > 0 ? deps.config.trustedProxies : false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    // One more logger a request would cost more than its validation; what is logged names its request itself.
    childLoggerFactory: (logger) => logger,
    forceCloseConnections: 'idle',
    schemaController: { compilersFactory: { buildSerializer: sharedSerializers() } },
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 128 },
  }).withTypeProvider<TypeBoxTypeProvider>()

export type App = ReturnType<typeof buildFastify>

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
const parseBodies = (app: App): void => {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else parse(request, body, done)
  })
}

const answerErrors = (app: App): void => {
  app.setErrorHandler((error, request, reply) => {
    const { status, body, headers } = renderError(error)
    if (status >= 500) request.log.error({ err: error, request_id: request.id }, body.error)
    reply.errorCode = body.error
    return reply
      .code(status)
      .headers(headers)
      .send({ ...body, request_id: request.id })
  })
  app.setNotFoundHandler(() => {
    throw new AuthError('not_found', 'There is no such route.')
  })
}

/**
 * Per-network flood protection. Decision: counted in each process and not in Redis, because it protects the
 * process, and would cost every request a round trip; the budgets that hold guesses down are in Redis.
 */
const limitRates = async (app: App, deps: Deps): Promise<void> => {
  const { rateLimitPerMinute } = deps.config
  if (rateLimitPerMinute === 0) return
  await app.register(rateLimit, {
    global: false,
    max: rateLimitPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => throttledNetwork(request.ip),
    allowList: (request) => request.url === '/healthz' || request.url === '/readyz',
    errorResponseBuilder: (_request, context) =>
      new AuthError('rate_limited', undefined, { retry_after: Math.max(1, Math.ceil(context.ttl / 1000)) }),
  })
  // A hook of the whole app, and so before the guards, which are hooks of groups: whom they refuse is counted too.
  app.addHook('onRequest', app.rateLimit())
}

const IDLE_CHECK_MS = 50

/**
 * Node closes connections that are idle when it stops accepting. One that is answering then would be kept alive
 * after its answer, for as long as its client likes, so it is looked for again.
 */
const closeConnectionsWhenDone = (app: App): void => {
  app.addHook('preClose', async () => {
    const timer = setInterval(() => app.server.closeIdleConnections(), IDLE_CHECK_MS)
    app.server.once('close', () => clearInterval(timer))
  })
}

/** Who may come in where: a guard, and the groups of routes behind it. */
const GUARDED: [Guard, FastifyPluginAsyncTypebox<{ deps: Deps }>[]][] = [
  [guardBearer, [logoutRoutes]],
  [guardSession, [sessionRoutes]],
  [guardAccount, [profileRoutes, activityRoutes, secondFactorRoutes, stepUpRoutes]],
  [guardSettings, [profileChangeRoutes, disableRoutes]],
  [guardChange, [passwordRoutes, secondFactorChangeRoutes]],
  [guardEnrollee, [enrolledRoutes]],
  [guardEnrollment, [enrollmentRoutes]],
  [
    guardAdministration,
    [accountAdminRoutes, policyAdminRoutes, clientAdminRoutes, keyAdminRoutes, auditAdminRoutes],
  ],
]

/** Builds the HTTP application over open dependencies. Tests and production build the same one. */
export const buildApp = async (deps: Deps): Promise<App> => {
  const app = buildFastify(deps)
  const metrics = createMetrics()
  app.setValidatorCompiler(compileValidator)
  parseBodies(app)
  answerErrors(app)
  closeConnectionsWhenDone(app)
  metrics.observe(app)
  answerInTime(app)
  setAnswerHeaders(app)
  app.addHook('preValidation', refuseUnasked)
  await app.register(underPressure, {
    maxEventLoopDelay: MAX_EVENT_LOOP_DELAY_MS,
    pressureHandler: () => {
      throw new AuthError('temporarily_unavailable', 'Too busy. Try again shortly.', { retry_after: 1 })
    },
  })
  await limitRates(app, deps)
  await describeApi(app, deps)

  await app.register(loginRoutes, { deps })
  await app.register(challengeRoutes, { deps })
  await app.register(oauthRoutes, { deps })
  await app.register(metadataRoutes, { deps })
  for (const [guard, plugins] of GUARDED) {
    await app.register(async (group) => {
      guard(group, deps)
      for (const plugin of plugins) await group.register(plugin, { deps })
    })
  }
  await app.register(operationRoutes, { deps, metrics })
  return app
}
