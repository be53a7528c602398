// An answer within 2 s, whatever is away (docs/security.md 36). The time that a body takes to come is its sender's,
// and Node's `requestTimeout` bounds it.
// Decision: not Fastify's `handlerTimeout`, which besides its timer makes an abort signal for every request and
// aborts it at its end. Nothing here listens to one, and it cost a tenth of a session check.
import type { FastifyReply } from 'fastify'
import { pino } from 'pino'
import { AuthError } from '../errors.ts'
import type { App } from './app.ts'

const WITHIN_MS = 1_900
const SILENT = pino({ level: 'silent' })

const answerLate = (reply: FastifyReply): void => {
  // What has begun to answer may finish.
  if (reply.raw.headersSent) return
  reply.send(new AuthError('temporarily_unavailable', undefined, { retry_after: 1 }))
  // That is logged. The route is still at it, and what it ends in is answered to nobody: Fastify would log it again.
  reply.log = SILENT
}

/** Answers 503 for whatever takes too long. Has to stand before the routes. */
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
    /** Runs out when the answer is due; undefined while the body is still coming. */
    tooLate: NodeJS.Timeout | undefined
    /** What was left of the time when the body began to come. */
    msLeft: number
  }
}
