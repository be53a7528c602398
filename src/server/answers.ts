// What holds for every answer: its headers, that it comes within 2 s whatever is away (docs/security.md 36), and
// that its connection ends with the server.
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import helmet from 'helmet'
import { pino } from 'pino'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { App } from './app.ts'

/** Answers are data: a browser that opens one runs and frames nothing. `/docs` has a policy of its own. */
const ANSWERS_ONLY = { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }

// Decision: not @fastify/helmet, which configures helmet anew for every request.
const securityHeaders = (): OutgoingHttpHeaders => {
  const answer = new ServerResponse(new IncomingMessage(new Socket()))
  helmet({ contentSecurityPolicy: { useDefaults: false, directives: ANSWERS_ONLY } })(
    answer.req,
    answer,
    () => {},
  )
  return answer.getHeaders()
}

/** The headers that are the same for every answer, also for answers to malformed HTTP. */
export const ANSWER_HEADERS: OutgoingHttpHeaders = { ...securityHeaders(), 'cache-control': 'no-store' }

/** Has to be registered before the routes. */
export const setAnswerHeaders = (app: App): void => {
  app.addHook('onRequest', (request, reply, done) => {
    const { cacheSeconds } = request.routeOptions.config
    reply.headers(ANSWER_HEADERS).header('x-request-id', request.id)
    if (cacheSeconds !== undefined) reply.header('cache-control', `public, max-age=${cacheSeconds}`)
    done()
  })
}

/** RFC 9449 8.2, 9: who sends a proof, or a token that needs one, is given the nonce for the next. Before the routes. */
export const offerNonces = (app: App, deps: Pick<Deps, 'clock' | 'dpopNonces'>): void => {
  app.addHook('onRequest', ({ headers }, reply, done) => {
    const { dpop, authorization = '' } = headers
    if (dpop !== undefined || /^DPoP /i.test(authorization))
      reply.header('dpop-nonce', deps.dpopNonces.current(deps.clock()))
    done()
  })
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Anyone may keep the answer this long, because it is the same for everyone. Errors are not kept. */
    cacheSeconds?: number
  }
}

const WITHIN_MS = 1_900
const SILENT = pino({ level: 'silent' })

const answerLate = (reply: FastifyReply): void => {
  // An answer that has begun may finish.
  if (reply.raw.headersSent) return
  reply.send(new AuthError('temporarily_unavailable', undefined, { retry_after: 1 }))
  // That is logged. The route still runs, and its result is not answered; Fastify would log it again.
  reply.log = SILENT
}

/**
 * Answers 503 for whatever takes too long. The time until the body has arrived does not count: it depends on the sender,
 * and Node's `requestTimeout` bounds it. Has to be registered before the routes.
 * Decision: not Fastify's `handlerTimeout`, which also makes an abort signal for every request and aborts it at its end.
 * Nothing here uses that signal, and it cost a tenth of a session check.
 */
export const answerInTime = (app: App): void => {
  app.decorateReply('tooLate', undefined)
  app.decorateReply('msLeft', WITHIN_MS)
  app.addHook('onRequest', (_request, reply, done) => {
    reply.tooLate = setTimeout(answerLate, WITHIN_MS, reply)
    done()
  })
  app.addHook('preParsing', ({ headers }, reply, payload, done) => {
    if ('content-length' in headers || 'transfer-encoding' in headers) {
      clearTimeout(reply.tooLate)
      reply.msLeft = Math.max(1, WITHIN_MS - reply.elapsedTime)
      reply.tooLate = undefined
    }
    done(null, payload)
  })
  app.addHook('preValidation', (_request, reply, done) => {
    reply.tooLate ??= setTimeout(answerLate, reply.msLeft, reply)
    done()
  })
  app.addHook('onResponse', (_request, reply, done) => {
    clearTimeout(reply.tooLate)
    done()
  })
}

declare module 'fastify' {
  interface FastifyReply {
    /** Runs out when the answer is due; undefined while the body is arriving. */
    tooLate: NodeJS.Timeout | undefined
    /** What was left of the time when the body began to arrive. */
    msLeft: number
  }
}

const IDLE_CHECK_MS = 50

/**
 * Node closes connections that are idle when it stops accepting. A connection that is answering at that moment would be
 * kept alive after its answer, for as long as its client likes. So idle connections are closed again and again, and
 * requests on them are refused meanwhile.
 */
export const closeConnectionsWhenDone = (app: App): void => {
  let isClosing = false
  app.addHook('preClose', async () => {
    isClosing = true
    const timer = setInterval(() => app.server.closeIdleConnections(), IDLE_CHECK_MS)
    app.server.once('close', () => clearInterval(timer))
  })
  app.addHook('onRequest', (_request, _reply, done) => {
    if (!isClosing) return done()
    done(new AuthError('temporarily_unavailable', 'Postern is closing.', { retry_after: 1 }))
  })
}
