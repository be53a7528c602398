// The only HTTP wiring: Fastify's options, the hooks that hold for every route, and the list of routes.

import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import underPressure from '@fastify/under-pressure'
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import { accountAdminRoutes } from '../administration/accounts/routes.ts'
import { auditAdminRoutes } from '../administration/audit/routes.ts'
import { clientAdminRoutes } from '../administration/clients/routes.ts'
import { keyAdminRoutes } from '../administration/keys/routes.ts'
import { noticeAdminRoutes } from '../administration/notices/routes.ts'
import { policyAdminRoutes } from '../administration/policy/routes.ts'
import { guardAnswering, guardBackend } from '../callers/authenticate-backend.ts'
import { guardClient } from '../callers/authenticate-client.ts'
import { guardUserinfo, guardUserinfoForm } from '../callers/authenticate-userinfo.ts'
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
import { AuthError } from '../errors.ts'
import { metadataRoutes } from '../oauth/metadata-routes.ts'
import { parRoutes } from '../oauth/par-routes.ts'
import { oauthRoutes } from '../oauth/routes.ts'
import { tokenManagementRoutes } from '../oauth/token-management-routes.ts'
import { userinfoFormRoutes, userinfoRoutes } from '../oauth/userinfo-routes.ts'
import { accountRoutes } from '../pages/account-routes.ts'
import { assetRoutes } from '../pages/asset-routes.ts'
import { authorizeRoutes } from '../pages/authorize-routes.ts'
import { pageConsentRoutes } from '../pages/consent-routes.ts'
import { pageEnrollmentRoutes } from '../pages/enrollment-routes.ts'
import { registrationRoutes } from '../pages/registration-routes.ts'
import { pageSecondFactorRoutes } from '../pages/second-factor-routes.ts'
import { signInRoutes } from '../pages/sign-in-routes.ts'
import { signOutRoutes } from '../pages/sign-out-routes.ts'
import { activityRoutes } from '../profile/activity-routes.ts'
import { enrolledRoutes, enrollmentRoutes } from '../profile/authenticators/enrollment-routes.ts'
import {
  disableRoutes,
  secondFactorChangeRoutes,
  secondFactorRoutes,
} from '../profile/authenticators/routes.ts'
import { consentChangeRoutes, consentRoutes } from '../profile/consent-routes.ts'
import { passwordRoutes } from '../profile/password-routes.ts'
import { profileChangeRoutes, profileRoutes } from '../profile/routes.ts'
import { logoutRoutes, sessionRoutes } from '../profile/session-routes.ts'
import { challengeOpeningRoutes, challengeRoutes } from '../sign-in/challenge-routes.ts'
import { loginRoutes } from '../sign-in/login-routes.ts'
import { stepUpRoutes } from '../sign-in/step-up-routes.ts'
import { compileValidator } from '../wire/validation.ts'
import { answerInTime, closeConnectionsWhenDone, offerNonces, setAnswerHeaders } from './answers.ts'
import { answerPreflights, shareWithOrigins } from './cross-origin.ts'
import { describeApi } from './describe-api.ts'
import { answerClientError, answerErrors, answerUnread } from './error-answers.ts'
import { createMetrics } from './metrics.ts'
import { operationRoutes } from './operation-routes.ts'
import { preparePages } from './page-answers.ts'
import { limitRates } from './rate-limits.ts'
import { parseBodies, plainPath, refuseUnrouted, settleAddresses } from './requests.ts'
import { sharedSerializers } from './response-serialization.ts'

/** Bodies are small; whatever is larger is not meant for Postern. */
const BODY_LIMIT_BYTES = 64 * 1024

/** Of the request line and the headers together; Node's own limit. */
const MAX_HEADER_BYTES = 16 * 1024

/** A request with its body has to arrive within this time: it is small, and a sender that drips it holds a connection. */
const REQUEST_WITHIN_MS = 10_000

/** Beyond this delay of the event loop an answer would be late in any case, so the request is refused at once. */
const MAX_EVENT_LOOP_DELAY_MS = 1_900

const buildFastify = (deps: Deps) =>
  Fastify({
    loggerInstance: deps.log as FastifyBaseLogger,
    // Requests are in metrics and audit events; a log line for each would have user agents and addresses in it.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: deps.config.trustedProxies.length > 0 ? deps.config.trustedProxies : false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    // A logger for each request would cost more than its validation; log lines name their request themselves.
    childLoggerFactory: (logger) => logger,
    forceCloseConnections: 'idle',
    schemaController: { compilersFactory: { buildSerializer: sharedSerializers() } },
    // Ajv's remarks on the schema of an answer would go to standard error, into the log.
    serializerOpts: { ajv: { logger: false } },
    rewriteUrl: plainPath,
    // The schemas bound the parameters of a path, and the guards run before them.
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: MAX_HEADER_BYTES },
    clientErrorHandler: answerClientError,
    requestTimeout: REQUEST_WITHIN_MS,
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_WITHIN_MS,
      connectionsCheckingInterval: 1_000,
      // `requests.ts` checks for it, and answers in the one error shape where it is missing.
      requireHostHeader: false,
    },
    return503OnClosing: false,
  }).withTypeProvider<TypeBoxTypeProvider>()

export type App = ReturnType<typeof buildFastify>

/** Who may call which routes: a guard, and the groups of routes behind it. */
const GUARDED: [Guard, FastifyPluginAsyncTypebox<{ deps: Deps }>[]][] = [
  [guardClient, [loginRoutes, oauthRoutes, tokenManagementRoutes, parRoutes]],
  [guardUserinfo, [userinfoRoutes]],
  [guardUserinfoForm, [userinfoFormRoutes]],
  [guardBackend, [challengeOpeningRoutes]],
  [guardAnswering, [challengeRoutes]],
  [guardBearer, [logoutRoutes]],
  [guardSession, [sessionRoutes]],
  [guardAccount, [profileRoutes, activityRoutes, consentRoutes, secondFactorRoutes, stepUpRoutes]],
  [guardSettings, [profileChangeRoutes, consentChangeRoutes, disableRoutes]],
  [guardChange, [passwordRoutes, secondFactorChangeRoutes]],
  [guardEnrollee, [enrolledRoutes]],
  [guardEnrollment, [enrollmentRoutes]],
  [
    guardAdministration,
    [
      accountAdminRoutes,
      policyAdminRoutes,
      clientAdminRoutes,
      keyAdminRoutes,
      auditAdminRoutes,
      noticeAdminRoutes,
    ],
  ],
]

/** What browsers are shown. Whoever comes is asked there who it is. */
const PAGES: FastifyPluginAsyncTypebox<{ deps: Deps }>[] = [
  authorizeRoutes,
  signInRoutes,
  pageSecondFactorRoutes,
  registrationRoutes,
  pageEnrollmentRoutes,
  pageConsentRoutes,
  accountRoutes,
  signOutRoutes,
]

/** Builds the HTTP application over open dependencies. Tests and production build the same one. */
export const buildApp = async (deps: Deps): Promise<App> => {
  const app = buildFastify(deps)
  const metrics = createMetrics(deps)
  app.setValidatorCompiler(compileValidator)
  parseBodies(app)
  answerErrors(app)
  answerUnread(app)
  metrics.observe(app)
  answerInTime(app)
  setAnswerHeaders(app)
  offerNonces(app, deps)
  shareWithOrigins(app, deps)
  settleAddresses(app)
  closeConnectionsWhenDone(app)
  await app.register(underPressure, {
    maxEventLoopDelay: MAX_EVENT_LOOP_DELAY_MS,
    // Not shorter than the delay: if the loop is busy for a whole interval, there is no sample, which counts as endless.
    sampleInterval: MAX_EVENT_LOOP_DELAY_MS,
    pressureHandler: ({ url }) => {
      // Whoever restarts a process that does not answer here would make the others busier.
      if (url === '/healthz') return
      throw new AuthError('temporarily_unavailable', 'Too busy. Try again shortly.', { retry_after: 1 })
    },
  })
  await limitRates(app, deps)
  refuseUnrouted(app)
  await describeApi(app, deps)

  await answerPreflights(app, deps)
  await app.register(metadataRoutes, { deps })
  await app.register(assetRoutes, { deps })
  for (const [guard, plugins] of GUARDED) {
    await app.register(async (group) => {
      guard(group, deps)
      for (const plugin of plugins) await group.register(plugin, { deps })
    })
  }
  await app.register(async (group) => {
    await preparePages(group, deps)
    for (const plugin of PAGES) await group.register(plugin, { deps })
  })
  await app.register(operationRoutes, { deps, metrics })
  return app
}
