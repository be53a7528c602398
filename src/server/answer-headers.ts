// The headers of every answer: helmet's, that nobody keeps it, and the id of the request it answers.
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'
import type { App } from './app.ts'

/** Answers are data: a browser that is led to one runs and frames nothing. `/docs` has a policy of its own. */
const ANSWERS_ONLY = { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }

// Decision: not @fastify/helmet, which puts helmet together anew for every request.
const securityHeaders = (): OutgoingHttpHeaders => {
  const answer = new ServerResponse(new IncomingMessage(new Socket()))
  helmet({ contentSecurityPolicy: { useDefaults: false, directives: ANSWERS_ONLY } })(
    answer.req,
    answer,
    () => {},
  )
  return answer.getHeaders()
}

/** Those that are the same for every answer, also for what never became a request. */
export const ANSWER_HEADERS: OutgoingHttpHeaders = { ...securityHeaders(), 'cache-control': 'no-store' }

/** Has to stand before the routes. */
export const setAnswerHeaders = (app: App): void => {
  app.addHook('onRequest', (request, reply, done) => {
    const { cacheSeconds } = request.routeOptions.config
    reply.headers(ANSWER_HEADERS).header('x-request-id', request.id)
    if (cacheSeconds !== undefined) reply.header('cache-control', `public, max-age=${cacheSeconds}`)
    done()
  })
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Anyone may keep the answer this long, because it is the same for everyone. Errors are not kept. */
    cacheSeconds?: number
  }
}
