// Signing keys, for administrators: publish the next one, withdraw one.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ADMINISTRATOR_ERRORS, administratorOf } from '../../callers/guard-administration.ts'
import { SIGNING_ALGORITHMS } from '../../clients/members.ts'
import type { Deps } from '../../deps.ts'
import { rotateSigningKeys } from '../../tokens/create-signing-key.ts'
import { withdrawSigningKey } from '../../tokens/withdraw-signing-key.ts'
import { errorResponses, Strict } from '../../wire/schemas.ts'
import { admitNoBody } from '../../wire/validation.ts'
import { RotatedKeys, toRotatedKeys } from './schemas.ts'

const RotateBody = Strict(
  {
    algorithm: Type.Optional(
      Type.Enum(SIGNING_ALGORITHMS, { description: 'The ring of keys to rotate; every ring by default.' }),
    ),
    now: Type.Optional(
      Type.Boolean({
        description:
          'Sign with it at once, for a key that is no longer trusted. Gateways refuse its tokens until they read the ' +
          'JWKS again, which they may keep for 300 seconds.',
      }),
    ),
  },
  { examples: [{ now: true }] },
)

const KeyParams = Strict({ kid: Type.String({ maxLength: 43, pattern: '^[\\w-]{43}$' }) })

export const keyAdminRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(
    '/v1/admin/keys/rotate',
    {
      preValidation: admitNoBody,
      schema: {
        tags: ['Administrators'],
        security: [{ bearer: [] }],
        summary: 'Publish the next signing key',
        description:
          'It is in the JWKS at once, and signs once every gateway has had time to read that again. There is a ring ' +
          'of keys for each algorithm that clients are registered for, and all are rotated where none is named: the ' +
          'answer is the key of the first, and `keys` has all. 409 while the last one is still waiting for its turn.',
        body: RotateBody,
        response: {
          201: RotatedKeys,
          ...errorResponses(...ADMINISTRATOR_ERRORS, 'not_found', 'conflict'),
        },
      },
    },
    async (request, reply) => {
      const { origin } = administratorOf(request)
      const { now, algorithm = null } = request.body
      const keys = await rotateSigningKeys(deps, origin, now ? 'now' : 'next', algorithm)
      return reply.code(201).send(toRotatedKeys(keys))
    },
  )

  app.post(
    '/v1/admin/keys/:kid/withdraw',
    {
      schema: {
        tags: ['Administrators'],
        security: [{ bearer: [] }],
        summary: 'Withdraw a signing key that is no longer trusted',
        description:
          'It is neither published nor accepted any more: every token that it has signed is refused at once, this ' +
          'administrator’s too, and sessions go on by a refresh. Gateways take its tokens until they read the JWKS ' +
          'again, which they may keep for 300 seconds. 409 for the key that signs: rotate first, with `now`.',
        params: KeyParams,
        response: { 204: Type.Null(), ...errorResponses(...ADMINISTRATOR_ERRORS, 'not_found', 'conflict') },
      },
    },
    async (request, reply) => {
      await withdrawSigningKey(deps, administratorOf(request).origin, request.params.kid)
      return reply.code(204).send(null)
    },
  )
}
