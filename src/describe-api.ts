// openapi.yaml is made from the routes: what they admit, what they answer, every error they give.
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { App } from './app.ts'
import type { Deps } from './deps.ts'

const DESCRIPTION = `Adds a second factor to any system and hands out signed JWTs once it has passed.
JSON in snake_case, times RFC 3339 UTC, durations in seconds, ids UUID. One error shape everywhere.`

/** Serves \`/openapi.json\`, and \`/docs\` to browse it. Has to stand before the routes it describes. */
export const describeApi = async (app: App, deps: Pick<Deps, 'config'>): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Postern',
        version: '0.1.0',
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: deps.config.issuer }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token.' },
          enrollment: { type: 'http', scheme: 'bearer', description: 'An enrollment token (`pst_en_…`).' },
          client: { type: 'http', scheme: 'basic', description: 'Client id and secret.' },
        },
      },
    },
  })
  await app.register(swaggerUi, { routePrefix: '/docs' })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs'))
}
