// The style sheet, the script and the logo of the hosted pages. `open-site.ts` has read them.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Deps } from '../deps.ts'

const YEAR_SECONDS = 31_536_000

/** Of a file that is opened by itself: a logo may be an SVG, which is a document that could have script. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

export const assetRoutes: FastifyPluginAsyncTypebox<{ deps: Pick<Deps, 'site'> }> = async (app, { deps }) => {
  for (const { path, type, body } of deps.site.files) {
    app.get(path, { schema: { hide: true } }, async (_request, reply) =>
      reply
        .type(type)
        .header('cache-control', `public, max-age=${YEAR_SECONDS}, immutable`)
        .header('content-security-policy', POLICY)
        .send(body),
    )
  }
}
