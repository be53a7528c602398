import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Deps } from '../deps.ts'
import { originOf } from './request-origin.ts'
import { type Administrator, requireAdministrator } from './require-administrator.ts'

const DECORATOR = 'administrator'

/**
 * Lets only administrators into the routes of `app`, an encapsulated plugin. Before a body is read: who may
 * not come in is told nothing of what would be accepted there.
 */
export const guardAdministration = (app: FastifyInstance, deps: Deps): void => {
  app.decorateRequest(DECORATOR)
  app.addHook('onRequest', async (request) => {
    const origin = originOf(request, deps.clock())
    request.setDecorator(DECORATOR, await requireAdministrator(deps, origin, request.headers.authorization))
  })
}

/** The administrator that a guarded route was called by. */
export const administratorOf = (request: FastifyRequest): Administrator => request.getDecorator(DECORATOR)
