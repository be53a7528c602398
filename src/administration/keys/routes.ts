// Signing keys, for administrators: publish the next one.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ADMINISTRATOR_ERRORS, administratorOf } from '../../callers/guard-administration.ts'
import type { Deps } from '../../deps.ts'
import { AuthError } from '../../errors.ts'
import { rotateSigningKey } from '../../tokens/create-signing-key.ts'
import { errorResponses, Timestamp } from '../../wire/schemas.ts'

const PublishedKey = Type.Object({
  kid: Type.String({ examples: ['kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'] }),
  algorithm: Type.String({ examples: ['ES256'] }),
  signs_from: Timestamp,
})

export const keyAdminRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(
    '/v1/admin/keys/rotate',
    {
      schema: {
        tags: ['Administrators'],
        security: [{ bearer: [] }],
        summary: 'Publish the next signing key',
        description:
          'It stands in the JWKS at once, and signs once every gateway has had time to read that again. ' +
          '409 while the last one is still waiting for its turn.',
        response: {
          201: PublishedKey,
          ...errorResponses(...ADMINISTRATOR_ERRORS, 'conflict'),
        },
      },
    },
    async (request, reply) => {
      const { origin } = administratorOf(request)
      const key = await rotateSigningKey(deps, origin)
      if (!key) throw new AuthError('conflict', 'The key of the last rotation is still waiting for its turn.')
      const { kid, algorithm, signsFrom } = key
      return reply.code(201).send({ kid, algorithm, signs_from: signsFrom.toISOString() })
    },
  )
}
