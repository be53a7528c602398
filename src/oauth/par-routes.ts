// The pushed authorization request endpoint (RFC 9126). Its requests are those of the authorization endpoint, and its clients
// authenticate as at the token endpoint.
import formbody from '@fastify/formbody'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { presentedClientOf } from '../callers/authenticate-client.ts'
import { authenticateFormClient, CLIENT_MEMBERS } from '../callers/authenticate-form-client.ts'
import { originOf } from '../callers/guard.ts'
import { verifyOfferedDpop } from '../callers/verify-dpop.ts'
import type { Deps } from '../deps.ts'
import { ANY_PARAMETERS, errorResponses } from '../wire/schemas.ts'
import { openPushedRequest } from './authorization/open-pushed-request.ts'

const PushedBody = Type.Object(CLIENT_MEMBERS, {
  ...ANY_PARAMETERS,
  examples: [
    {
      client_id: 'web-shop-4f2a9c1b',
      redirect_uri: 'https://shop.example/signed-in',
      response_type: 'code',
      scope: 'openid',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    },
  ],
})

export const parRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.removeContentTypeParser('application/json')
  await app.register(formbody)

  app.post(
    '/oauth2/par',
    {
      schema: {
        tags: ['Protocol'],
        summary: 'Push an authorization request (RFC 9126)',
        consumes: ['application/x-www-form-urlencoded'],
        description:
          'The parameters of `/oauth2/authorize`, which then takes `client_id` and the `request_uri` of the answer alone. It is ' +
          'for the first browser that comes with it, within a minute, and gives one code.',
        body: PushedBody,
        response: {
          201: Type.Object({
            request_uri: Type.String({ examples: ['urn:ietf:params:oauth:request_uri:…'] }),
            expires_in: Type.Integer({ examples: [60] }),
          }),
          ...errorResponses(
            'invalid_client',
            'unauthorized_client',
            'unsupported_response_type',
            'invalid_scope',
            'invalid_target',
            'request_not_supported',
            'registration_not_supported',
            'unmet_authentication_requirements',
            'invalid_dpop_proof',
            'use_dpop_nonce',
          ),
        },
      },
    },
    async (request, reply) => {
      const now = deps.clock()
      const presented = presentedClientOf(request)
      const client = await authenticateFormClient(deps, presented, request.body, originOf(request, now))
      const jkt = (await verifyOfferedDpop(deps, request, now))?.jkt ?? null
      const opened = await openPushedRequest(deps, client, { given: request.body, jkt, ip: request.ip })
      return reply.code(201).send({ request_uri: opened.requestUri, expires_in: opened.expiresInSeconds })
    },
  )
}
