// What of a request is read at all: JSON where a route asks for it, and nothing that no route asks for.
import type { preValidationHookHandler } from 'fastify'
import { AuthError, namesOf } from '../errors.ts'
import type { App } from './app.ts'

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
export const parseBodies = (app: App): void => {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else parse(request, body, done)
  })
  app.addHook('preValidation', refuseUnasked)
}
