// An answer within 2 s, whatever is away (docs/security.md 36).
// Decision: not Fastify's `handlerTimeout`, which besides its timer makes an abort signal for every request and
// aborts it at its end. Nothing here listens to one, and it cost a tenth of a session check.
import type { FastifyReply } from 'fastify'
import { AuthError } from '../errors.ts'
import type { App } from './app.ts'

const WITHIN_MS = 1_900

const answerLate = (reply: FastifyReply): void => {
  // What has begun to answer may finish.
  if (reply.raw.headersSent) return
  reply.send(new AuthError('temporarily_unavailable', undefined, { retry_after: 1 }))
}

/** Answers 503 for whatever takes too long. Has to stand before the routes. */
export const answerInTime = (app: App): void => {
  app.decorateReply('tooLate', undefined)
  app.addHook('onRequest', (_request, reply, done) => {
    reply.tooLate = setTimeout(answerLate, WITHIN_MS, reply)
    done()
  })
  app.addHook('onResponse', (_request, reply, done) => {
    clearTimeout(reply.tooLate)
    done()
  })
}

declare module 'fastify' {
  interface FastifyReply {
    /** Runs out when the answer is due. */
    tooLate: NodeJS.Timeout | undefined
  }
}
