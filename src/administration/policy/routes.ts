// The policy, for administrators: read it, change it, ask why. The decision itself is in `policy/decide.ts`.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ADMINISTRATOR_ERRORS, administratorOf } from '../../callers/guard-administration.ts'
import type { Deps } from '../../deps.ts'
import { PolicyPatch } from '../../policy/merge-policy.ts'
import { DEFAULT_POLICY, Policy } from '../../policy/policy.ts'
import { errorResponses, Nullable, PlainText, Strict, Uuid } from '../../wire/schemas.ts'
import { changePolicy } from './change-policy.ts'
import { explainPolicy } from './explain-policy.ts'

const PolicyAnswer = Type.Object(Policy.properties, { title: 'Policy', examples: [DEFAULT_POLICY] })

const ExplainBody = Strict(
  {
    username: PlainText({
      minLength: 1,
      maxLength: 255,
      description: 'A user name, email address or subject.',
    }),
    client_id: Type.Optional(
      PlainText({ minLength: 1, maxLength: 128, description: 'Whose external subject it may be.' }),
    ),
    policy: Type.Optional(PolicyPatch),
  },
  { examples: [{ username: 'ada', policy: { required_for_all: true } }] },
)

const EXPLANATION = {
  decision: Type.Enum(['allow', 'challenge', 'enroll', 'deny']),
  methods: Type.Array(Type.String(), { description: 'What the policy admits, where one is asked for.' }),
  reasons: Type.Array(Type.String(), { examples: [['role_requires_second_factor']] }),
}

const etag = (version: number): string => `"${version}"`

export const policyAdminRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  const common = { tags: ['Administrators'], security: [{ bearer: [] }] }

  app.get(
    '/v1/admin/policy',
    {
      schema: {
        ...common,
        summary: 'The policy',
        description: '`ETag` is its version, for `If-Match` of a change.',
        response: { 200: PolicyAnswer, ...errorResponses(...ADMINISTRATOR_ERRORS) },
      },
    },
    async (_request, reply) => {
      const { policy, version } = deps.policy.versioned()
      reply.header('etag', etag(version))
      return policy
    },
  )

  app.patch(
    '/v1/admin/policy',
    {
      schema: {
        ...common,
        summary: 'Change the policy',
        description:
          'Members that are left out stay, also inside `totp`. Every replica has it within a second. ' +
          'With `If-Match`, only where the policy is still the version that was read.',
        headers: Type.Object({ 'if-match': Type.Optional(PlainText({ minLength: 1, maxLength: 256 })) }),
        body: PolicyPatch,
        response: {
          200: PolicyAnswer,
          ...errorResponses(...ADMINISTRATOR_ERRORS, 'precondition_failed'),
        },
      },
    },
    async (request, reply) => {
      const { origin } = administratorOf(request)
      const { policy, version } = await changePolicy(deps, origin, request.body, request.headers['if-match'])
      reply.header('etag', etag(version))
      return policy
    },
  )

  app.post(
    '/v1/admin/policy/explain',
    {
      schema: {
        ...common,
        summary: 'Why an account is asked for a second factor, or not',
        description:
          'For a sign-in with a password just now: under the current policy, and with the changes of `policy`. ' +
          'Changes nothing.',
        body: ExplainBody,
        response: {
          200: Type.Object({
            account_id: Uuid,
            ...EXPLANATION,
            proposed: Nullable(Type.Object(EXPLANATION)),
          }),
          ...errorResponses(...ADMINISTRATOR_ERRORS, 'not_found'),
        },
      },
    },
    async (request) => {
      const { origin } = administratorOf(request)
      return explainPolicy(deps, request.body, origin.now)
    },
  )
}
