// The headers of every answer: helmet's, and the id of the request it answers.
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'
import type { App } from './app.ts'

// Decision: not @fastify/helmet, which puts helmet together anew for every request.
const securityHeaders = (): OutgoingHttpHeaders => {
  const answer = new ServerResponse(new IncomingMessage(new Socket()))
  helmet({ contentSecurityPolicy: false })(answer.req, answer, () => {})
  return answer.getHeaders()
}

/** Has to stand before the routes. */
export const setAnswerHeaders = (app: App): void => {
  const headers = securityHeaders()
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers).header('x-request-id', request.id)
    done()
  })
}
