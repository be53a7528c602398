// What a client may know of the account that has signed in (OpenID Connect Core 5.3). `callers/` decides whose token is
// taken, `tokens/claims-for.ts` which claims it gets.
import formbody from '@fastify/formbody'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import {
  authenticateUserinfo,
  type UserinfoCaller,
  userinfoCallerOf,
  userinfoFormCallerOf,
} from '../callers/authenticate-userinfo.ts'
import { originOf } from '../callers/guard.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { claimsFor, readClaimsRequest } from '../tokens/claims-for.ts'
import { subjectOf } from '../tokens/subject.ts'
import { errorResponses, Strict } from '../wire/schemas.ts'
import { admitNoBody } from '../wire/validation.ts'

const Userinfo = Type.Object(
  { sub: Type.String() },
  {
    additionalProperties: true,
    title: 'Userinfo',
    description:
      'Claims by the scopes `profile`, `email`, `phone`, `address` and `roles`, and by the `claims` parameter. ' +
      'A client with `userinfo_signed_response_alg` gets them as a JWT (`application/jwt`).',
    examples: [{ sub: '01998a7e-5f5e-7c3a-9b1e-0f4f2f0a6c11', name: 'Ada Lovelace' }],
  },
)

const ABOUT = {
  tags: ['Protocol'],
  security: [{ bearer: [] }],
  response: { 200: Userinfo, ...errorResponses('invalid_token') },
}

const claimsOf = (deps: Deps, { account, client, scopes, session }: UserinfoCaller) => ({
  ...claimsFor(account, scopes, readClaimsRequest(session.grant?.claims ?? null), 'userinfo'),
  sub: subjectOf(deps, client, account.id),
})

/** OpenID Connect Core 5.3.2: JSON, or a JWT for whom it is registered so. */
const answer = (deps: Deps, reply: FastifyReply, caller: UserinfoCaller): object => {
  const claims = claimsOf(deps, caller)
  const { userinfoSignedResponseAlg: algorithm, clientId } = caller.client
  if (algorithm === null) return claims
  const key = deps.signingKeys.current(deps.clock(), algorithm)
  const jwt = key.jwt.signId({ ...claims, iss: deps.config.issuer, aud: clientId })
  reply.type('application/jwt').serializer((text: string) => text)
  return reply.send(jwt)
}

export const userinfoRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/oauth2/userinfo',
    { schema: { ...ABOUT, summary: 'Claims about the account that has signed in' } },
    async (request, reply) => answer(deps, reply, userinfoCallerOf(request)) as never,
  )
}

export const userinfoFormRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.removeContentTypeParser('application/json')
  await app.register(formbody)

  app.post(
    '/oauth2/userinfo',
    {
      preValidation: admitNoBody,
      schema: {
        ...ABOUT,
        summary: 'Claims about the account that has signed in, by a form too',
        description:
          'The access token in the `Authorization` header, or as `access_token` of a form (RFC 6750 2.2).',
        consumes: ['application/x-www-form-urlencoded'],
        body: Strict({
          access_token: Type.Optional(Type.String({ maxLength: 8192, pattern: '^[\\w.~+/-]+=*$' })),
        }),
      },
    },
    async (request, reply) => {
      const presented = userinfoFormCallerOf(request)
      const { access_token: token } = request.body
      if (presented && token !== undefined)
        throw new AuthError('invalid_request', 'Send the access token once.', { fields: ['access_token'] })
      if (presented) return answer(deps, reply, presented) as never
      if (token === undefined) throw new AuthError('invalid_token', 'An access token is needed.')
      const origin = originOf(request, deps.clock())
      const caller = await authenticateUserinfo(deps, origin, { scheme: 'Bearer', token }, null)
      return answer(deps, reply, caller) as never
    },
  )
}
