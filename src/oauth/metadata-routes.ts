// The JWKS and the discovery documents, where gateways find what they verify tokens with. `tokens/` owns the signing
// keys.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { JWKS_MAX_AGE_SECONDS } from '../tokens/select-signing-keys.ts'
import { errorResponses } from '../wire/schemas.ts'
import { discoveryDocument } from './discovery.ts'

const Jwks = Type.Object({
  keys: Type.Array(
    Type.Object({
      kty: Type.String(),
      crv: Type.Optional(Type.String()),
      x: Type.Optional(Type.String()),
      y: Type.Optional(Type.String()),
      n: Type.Optional(Type.String()),
      e: Type.Optional(Type.String()),
      kid: Type.String(),
      alg: Type.String(),
      use: Type.String(),
    }),
  ),
})

const Metadata = Type.Object(
  {},
  { additionalProperties: true, examples: [discoveryDocument('https://login.example', ['en', 'de'])] },
)

export const metadataRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  const config = { cacheSeconds: JWKS_MAX_AGE_SECONDS }

  app.get(
    '/.well-known/jwks.json',
    {
      config,
      schema: {
        tags: ['Protocol'],
        summary: 'The public keys that tokens are signed with (RFC 7517)',
        description:
          'A new key is published here ten minutes before it signs; an old one until its last token has expired.',
        response: { 200: Jwks, ...errorResponses() },
      },
    },
    async () => ({ keys: deps.signingKeys.published(deps.clock()) }) as never,
  )

  const document = discoveryDocument(deps.config.issuer, deps.site.languages)
  for (const [path, summary] of [
    ['/.well-known/openid-configuration', 'OpenID Connect discovery document'],
    ['/.well-known/oauth-authorization-server', 'OAuth 2.0 server metadata (RFC 8414)'],
  ] as const) {
    app.get(
      path,
      { config, schema: { tags: ['Protocol'], summary, response: { 200: Metadata, ...errorResponses() } } },
      async () => document,
    )
  }
}
