// How errors are answered and logged, also errors that Node finds before there is a request.
import { randomUUID } from 'node:crypto'
import { type OutgoingHttpHeaders, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ConnectionError, FastifyError, FastifyRequest } from 'fastify'
import { AuthError, type Presented, renderError } from '../errors.ts'
import { ANSWER_HEADERS } from './answers.ts'
import type { App } from './app.ts'

/** Says what to send where Fastify only says what it refuses; any other error is as it was. */
const explained = (error: unknown, { body, routeOptions }: FastifyRequest): unknown => {
  if (!(error instanceof Error)) return error
  const { code, validationContext }: Partial<FastifyError> = error
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const [type = 'application/json'] = routeOptions.schema?.consumes ?? []
    return new AuthError('invalid_request', `Send ${type}.`)
  }
  if (validationContext === 'body' && body === undefined)
    return new AuthError('invalid_request', 'body is missing.', { fields: ['body'] })
  return error
}

const IN_FORM = ['client_secret', 'client_assertion']

const presentedIn = ({ headers: { authorization }, body }: FastifyRequest): Presented => {
  if (authorization !== undefined) return /^DPoP /i.test(authorization) ? 'DPoP' : 'Bearer'
  const isInForm = typeof body === 'object' && body !== null && IN_FORM.some((member) => member in body)
  return isInForm ? 'form' : 'Bearer'
}

export const answerErrors = (app: App): void => {
  app.setErrorHandler((error, request, reply) => {
    const { status, body, headers } = renderError(explained(error, request), presentedIn(request))
    if (status >= 500) request.log.error({ err: error, request_id: request.id }, body.error)
    reply.errorCode = body.error
    return reply
      .code(status)
      .headers(headers)
      .send({ ...body, request_id: request.id })
  })
}

type Unread = { status: number; headers: OutgoingHttpHeaders; body: string }

/** An answer where there is no request yet. It has HTTP's own status, and ends the connection. */
const unread = (status: number, description: string): Unread => {
  const requestId = randomUUID()
  const { body, headers } = renderError(new AuthError('invalid_request', description))
  const text = JSON.stringify({ ...body, request_id: requestId })
  return {
    status,
    body: text,
    headers: {
      ...ANSWER_HEADERS,
      ...headers,
      'x-request-id': requestId,
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      connection: 'close',
    },
  }
}

const writeTo = (socket: Duplex, { status, headers, body }: Unread): void => {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`, () =>
    socket.destroy(),
  )
}

const REFUSALS: Record<string, [status: number, description: string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
  HPE_HEADER_OVERFLOW: [431, 'The request line and the headers are too large.'],
}

/**
 * Fastify's `clientErrorHandler`. Logs nothing: the input is a stranger's and may contain secrets, and the error is the
 * sender's or the network's.
 */
export const answerClientError = (error: ConnectionError, socket: Duplex): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, description] = REFUSALS[error.code] ?? [400, 'This is not valid HTTP.']
  writeTo(socket, unread(status, description))
}

/** Refusals that Node would otherwise answer by itself, outside the one error shape. */
export const answerUnread = (app: App): void => {
  app.server.on('checkExpectation', (_request, response) => {
    const { status, headers, body } = unread(417, 'Expect can only be 100-continue.')
    response.writeHead(status, headers).end(body)
  })
  app.server.on('connect', (_request, socket) => writeTo(socket, unread(400, 'This server is not a proxy.')))
}
