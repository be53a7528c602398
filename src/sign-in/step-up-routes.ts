// Step-up over HTTP. What it opens is a challenge, which is answered like any other.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { accountCallerOf, ownRoute } from '../callers/guard-account.ts'
import type { Deps } from '../deps.ts'
import { errorResponses, Strict } from '../wire/schemas.ts'
import { admitNoBody } from '../wire/validation.ts'
import { beginStepUp } from './begin-step-up.ts'
import { ChallengeRequired, TOKEN_MEMBERS, toChallengeRequired } from './schemas.ts'

const StepUpBody = Strict(
  {
    acr: Type.Optional(
      Type.Union([Type.Literal('aal1'), Type.Literal('aal2'), Type.Literal('phr')], {
        description: 'What the session has to reach; `aal2` without it.',
      }),
    ),
    max_age: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 31_536_000,
        description: 'How old it may be, in seconds; 0 asks in any case. Without it: what the policy says.',
      }),
    ),
  },
  { examples: [{ acr: 'aal2', max_age: 900 }] },
)

const StepUpSatisfied = Type.Object(
  {
    status: Type.Literal('authenticated'),
    sid: TOKEN_MEMBERS.sid,
    acr: TOKEN_MEMBERS.acr,
    amr: TOKEN_MEMBERS.amr,
    auth_time: TOKEN_MEMBERS.auth_time,
  },
  { title: 'StepUpSatisfied' },
)

export const stepUpRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(
    '/v1/me/step-up',
    {
      preValidation: admitNoBody,
      schema: {
        ...ownRoute('Step up: a fresh second factor inside this session (RFC 9470)'),
        description:
          'Where the session has shown enough already, the answer says so and has no new tokens. Otherwise ' +
          'the answer to the challenge has new tokens, of a new session that replaces this one.',
        body: StepUpBody,
        response: {
          200: Type.Union([StepUpSatisfied, ChallengeRequired]),
          ...errorResponses(
            'invalid_token',
            'unmet_authentication_requirements',
            'insufficient_user_authentication',
            'policy_violation',
            'account_locked',
            'conflict',
          ),
        },
      },
    },
    async (request) => {
      const caller = accountCallerOf(request)
      const { acr = 'aal2', max_age: maxAgeSeconds } = request.body
      const result = await beginStepUp(deps, caller, { acr, maxAgeSeconds, client: null })
      if (result.status === 'challenge_required') return toChallengeRequired(result)
      const { sid, acr: shown, amr, authTime } = result.session
      return { status: result.status, sid, acr: shown, amr, auth_time: authTime }
    },
  )
}
