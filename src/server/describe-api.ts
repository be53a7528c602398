// openapi.yaml is made from the routes: what they admit, what they answer, every error they give.
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { Deps } from '../deps.ts'
import type { App } from './app.ts'
import { tidyDocument } from './openapi-document.ts'
import { VERSION } from './version.ts'

const DESCRIPTION = `Adds a second factor to any system and hands out signed JWTs once it has passed.
JSON in snake_case, times RFC 3339 UTC, durations in seconds, ids UUID. One error shape everywhere.`

/** What the page at `/docs` may load: its own files, and the API that it sends requests to. */
const browsingPolicy = (issuer: string): Record<string, string[]> => ({
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  // Swagger UI writes style elements.
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'", new URL(issuer).origin],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
})

/** Serves `/openapi.json`, and `/docs` to browse it. Has to be registered before the routes that it describes. */
export const describeApi = async (app: App, deps: Pick<Deps, 'config'>): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Postern',
        version: VERSION,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: deps.config.issuer }],
      // Routes that need none say nothing; the others name theirs.
      security: [],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token.' },
          enrollment: { type: 'http', scheme: 'bearer', description: 'An enrollment token (`pst_en_…`).' },
          client: { type: 'http', scheme: 'basic', description: 'Client id and secret.' },
        },
      },
    },
    transformObject: (made) =>
      'openapiObject' in made ? tidyDocument(made.openapiObject) : made.swaggerObject,
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { deepLinking: true, validatorUrl: null },
    staticCSP: browsingPolicy(deps.config.issuer),
  })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs'))
}
