// What holds for every route that a browser is shown: cookies, forms, and that errors are pages too.
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import type { Deps } from '../deps.ts'
import { renderError } from '../errors.ts'
import { strangerOf } from '../pages/browser/open-visit.ts'
import { sendError } from '../pages/flow/answer-page.ts'
import { problemOfError } from '../pages/flow/problem-of-error.ts'

/** Prepares `group`, an encapsulated plugin, for pages. */
export const preparePages = async (group: FastifyInstance, deps: Deps): Promise<void> => {
  group.removeContentTypeParser('application/json')
  await group.register(cookie)
  await group.register(formbody)
  group.setErrorHandler((error, request, reply) => {
    const problem = problemOfError(error, deps.clock())
    const { body } = renderError(error)
    if (problem.status >= 500) request.log.error({ err: error, request_id: request.id }, body.error)
    reply.errorCode = body.error
    // For integrators, in English: what of their request is wrong.
    const details =
      problem.problem.kind === 'invalid_request'
        ? [
            { label: 'error', value: body.error },
            { label: 'description', value: body.error_description },
          ]
        : []
    return sendError(deps, reply, strangerOf(deps, request), { problem, details })
  })
}
