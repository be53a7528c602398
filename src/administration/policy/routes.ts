// The policy, for administrators: read it, change it, ask why. The decision itself is in `policy/decide.ts`.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ADMINISTRATOR_ERRORS, administratorOf } from '../../callers/guard-administration.ts'
import type { Deps } from '../../deps.ts'
import { PolicyPatch } from '../../policy/merge-policy.ts'
import { errorResponses, PlainText } from '../../wire/schemas.ts'
import { changePolicy } from './change-policy.ts'
import { explainPolicy } from './explain-policy.ts'
import { ExplainBody, ExplainedAnswer, PolicyAnswer, toExplainedAnswer, toQuestion } from './schemas.ts'

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
          ...errorResponses(...ADMINISTRATOR_ERRORS, 'policy_violation', 'precondition_failed'),
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
          200: ExplainedAnswer,
          ...errorResponses(...ADMINISTRATOR_ERRORS, 'not_found'),
        },
      },
    },
    async (request) => {
      const { origin } = administratorOf(request)
      return toExplainedAnswer(await explainPolicy(deps, toQuestion(request.body), origin.now))
    },
  )
}
