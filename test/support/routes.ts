// The routes of an app as Fastify has them, those that the API's description leaves out among them.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'

/** Notes every route of the apps that are built while `build` runs. */
export const routesOf = async <T>(build: () => Promise<T>): Promise<{ built: T; routes: RouteOptions[] }> => {
  const routes: RouteOptions[] = []
  const watch = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', (route) => {
      routes.push(route)
    })
  }
  subscribe('fastify.initialization', watch)
  try {
    return { built: await build(), routes }
  } finally {
    unsubscribe('fastify.initialization', watch)
  }
}
