// What a client asks of tokens that exist: introspection (RFC 7662, 9701) and revocation (RFC 7009). The use cases beside
// this file decide; `callers/` authenticates the client.
import formbody from '@fastify/formbody'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { presentedClientOf } from '../callers/authenticate-client.ts'
import { authenticateFormClient, CLIENT_MEMBERS } from '../callers/authenticate-form-client.ts'
import { originOf } from '../callers/guard.ts'
import type { Client } from '../clients/client.ts'
import type { Deps } from '../deps.ts'
import { errorResponses, PlainText, Strict } from '../wire/schemas.ts'
import { type Introspection, introspectToken } from './introspect-token.ts'
import { revokeToken } from './revoke-token.ts'

const TokenForm = Strict(
  {
    token: Type.String({ minLength: 1, maxLength: 8192 }),
    token_type_hint: Type.Optional(
      PlainText({ maxLength: 64, description: '`access_token` or `refresh_token`; it is not needed.' }),
    ),
    ...CLIENT_MEMBERS,
  },
  { examples: [{ token: 'pst_rt_…' }] },
)

const IntrospectionAnswer = Type.Object(
  { active: Type.Boolean() },
  {
    additionalProperties: true,
    title: 'Introspection',
    description: 'RFC 7662 2.2. Of an inactive token, nothing but `active: false`.',
    examples: [{ active: false }],
  },
)

const JWT_TYPE = 'application/token-introspection+jwt'

/** RFC 9701 4: asked for by `Accept`, or registered. */
const wantsJwt = ({ introspectionSignedResponseAlg }: Client, accept: string | undefined): boolean =>
  introspectionSignedResponseAlg !== null || (accept ?? '').toLowerCase().includes(JWT_TYPE)

/** RFC 9701 5: the answer is a member, so that the JWT is no access token. */
const signed = (deps: Deps, client: Client, introspection: Introspection, now: Date): string => {
  const algorithm = client.introspectionSignedResponseAlg ?? 'ES256'
  return deps.signingKeys.current(now, algorithm).jwt.signIntrospection({
    iss: deps.config.issuer,
    aud: client.clientId,
    iat: Math.floor(now.getTime() / 1000),
    token_introspection: introspection,
  })
}

export const tokenManagementRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.removeContentTypeParser('application/json')
  await app.register(formbody)
  const form = { tags: ['Protocol'], consumes: ['application/x-www-form-urlencoded'], body: TokenForm }

  app.post(
    '/oauth2/introspect',
    {
      schema: {
        ...form,
        summary: 'Whether a token is active, and what it may be used for (RFC 7662)',
        description:
          'A client that proves who it is learns of its own tokens, and of access tokens for its client id or for one of ' +
          'its `audience`. An access token whose session or grant has ended is inactive. With ' +
          '`Accept: application/token-introspection+jwt`, or registered so, the answer is a JWT (RFC 9701).',
        response: { 200: IntrospectionAnswer, ...errorResponses('invalid_client') },
      },
    },
    async (request, reply) => {
      const now = deps.clock()
      const origin = originOf(request, now)
      const client = await authenticateFormClient(deps, presentedClientOf(request), request.body, origin)
      const introspection = await introspectToken(deps, client, request.body.token, now)
      if (!wantsJwt(client, request.headers.accept)) return introspection
      reply.type(JWT_TYPE).serializer((text: string) => text)
      return reply.send(signed(deps, client, introspection, now) as never)
    },
  )

  app.post(
    '/oauth2/revoke',
    {
      schema: {
        ...form,
        summary: 'Give a token back, and with it what was granted (RFC 7009)',
        description:
          'Ends the grant that the token belongs to, with all of its tokens. 200 also for a token that is unknown, has ' +
          'ended, or belongs to another client: then nothing happens.',
        response: {
          200: Type.Object({}),
          ...errorResponses('invalid_client', 'unsupported_token_type'),
        },
      },
    },
    async (request) => {
      const now = deps.clock()
      const presented = presentedClientOf(request)
      const client = await authenticateFormClient(deps, presented, request.body, originOf(request, now))
      const origin = originOf(request, now, { type: 'client', id: client.clientId })
      await revokeToken(deps, origin, client, request.body.token)
      return {}
    },
  )
}
