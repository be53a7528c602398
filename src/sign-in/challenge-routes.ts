// Challenges over HTTP: the pending second step is opened, attempted and cancelled. `authenticators/` owns what a code
// is, `policy/` whether one is needed.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { RoleName } from '../accounts/schemas.ts'
import { Code } from '../authenticators/code.ts'
import { answeringOf, backendOf } from '../callers/authenticate-backend.ts'
import type { Deps } from '../deps.ts'
import { Method } from '../policy/policy.ts'
import { newSession } from '../sessions/new-session.ts'
import { cutUserAgent, USER_AGENT_LENGTH } from '../wire/end-user.ts'
import { Address, errorResponses, PlainText, Strict } from '../wire/schemas.ts'
import { attemptChallenge } from './attempt-challenge.ts'
import { cancelChallenge } from './cancel-challenge.ts'
import { issueTokens, withTokens } from './issue-tokens.ts'
import { openChallenge } from './open-challenge.ts'
import { Authenticated, OpaqueToken, SignInAnswer, toPassedAnswer, toVouchedAnswer } from './schemas.ts'

// RFC 8176, without the values that only Postern may give, because they say that a second factor has passed.
const PRIMARY_AMR = [
  'face',
  'fpt',
  'geo',
  'hwk',
  'iris',
  'kba',
  'mca',
  'pin',
  'pwd',
  'rba',
  'retina',
  'sc',
  'swk',
  'tel',
  'user',
  'vbm',
  'wia',
]

const OpenBody = Strict(
  {
    subject: Type.Optional(
      PlainText({ minLength: 1, maxLength: 255, description: "The client's own name for the account." }),
    ),
    username: Type.Optional(
      PlainText({ minLength: 1, maxLength: 254, description: "A user name or email address of Postern's." }),
    ),
    amr: Type.Optional(
      Type.Array(Type.Enum(PRIMARY_AMR), {
        minItems: 1,
        maxItems: PRIMARY_AMR.length,
        uniqueItems: true,
        description: 'How the client has authenticated the account (RFC 8176); `["pwd"]` without it.',
      }),
    ),
    ip: Type.Optional(Address("The end user's address.")),
    user_agent: Type.Optional(
      PlainText({ maxLength: USER_AGENT_LENGTH, description: 'Kept to 256 characters.' }),
    ),
    email: Type.Optional(Type.String({ format: 'email', maxLength: 254 })),
    display_name: Type.Optional(PlainText({ minLength: 1, maxLength: 128 })),
    roles: Type.Optional(Type.Array(RoleName, { maxItems: 64, uniqueItems: true })),
  },
  { examples: [{ subject: 'flask-user-42', amr: ['pwd'], ip: '203.0.113.9', roles: ['admin'] }] },
)

const VerifyBody = Strict(
  {
    challenge_token: OpaqueToken,
    method: Method,
    code: Code,
    trust_device: Type.Optional(
      Type.Boolean({ description: 'Without effect while `trusted_device_days` is 0.' }),
    ),
  },
  { examples: [{ challenge_token: 'pst_ch_JJ3tOqPz', method: 'totp', code: '492039' }] },
)

const CancelBody = Strict({ challenge_token: OpaqueToken })

/** Behind the guard of backends, so that no body is read before its sender is authenticated. */
export const challengeOpeningRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(
    '/v1/challenges',
    {
      schema: {
        tags: ['Signing in'],
        summary: 'Open a challenge for an account whose first factor the client has checked',
        description:
          'For a client’s backend: HTTP Basic, or a Bearer token from `client_credentials` for Postern. With the scope ' +
          '`challenges` it vouches for its own `subject`s; a new one is known from then on. With ' +
          '`challenges:accounts` for a `username` of Postern’s: one with an authenticator, and no administrator. ' +
          'Only the backend that opened a challenge answers and cancels it; the answers name whom it is for.',
        security: [{ client: [] }, { bearer: [] }],
        body: OpenBody,
        response: {
          200: SignInAnswer,
          ...errorResponses(
            'invalid_client',
            'unauthorized_client',
            'invalid_token',
            'insufficient_scope',
            'access_denied',
            'account_disabled',
            'account_locked',
            'policy_violation',
            'conflict',
          ),
        },
      },
    },
    async (request) => {
      const { subject, username, amr = ['pwd'], ip = null, user_agent: userAgent } = request.body
      const { email, display_name: displayName, roles } = request.body
      const vouched = await openChallenge(deps, backendOf(request), {
        subject,
        username,
        amr,
        ip,
        userAgent: cutUserAgent(userAgent),
        email,
        displayName,
        roles,
      })
      return toVouchedAnswer(withTokens(deps, vouched.signIn, deps.clock()), vouched)
    },
  )
}

export const challengeRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(
    '/v1/challenges/verify',
    {
      schema: {
        tags: ['Signing in'],
        summary: 'Answer a challenge',
        description:
          'Only the backend that opened a challenge can answer it, authenticated in the same way. ' +
          'A malformed code, a method that is not offered, or the wrong caller spends no attempt.',
        security: [{}, { client: [] }, { bearer: [] }],
        body: VerifyBody,
        response: {
          200: Authenticated,
          ...errorResponses(
            'invalid_code',
            'invalid_challenge',
            'invalid_client',
            'invalid_token',
            'access_denied',
            'account_locked',
            'account_disabled',
          ),
        },
      },
    },
    async (request) => {
      const { challenge_token: challengeToken, method, code } = request.body
      const answer = { challengeToken, method, code }
      const passed = await attemptChallenge(deps, answeringOf(request), answer, newSession)
      return toPassedAnswer(issueTokens(deps, passed.opened, deps.clock()), passed)
    },
  )

  app.post(
    '/v1/challenges/cancel',
    {
      schema: {
        tags: ['Signing in'],
        summary: 'Cancel a challenge',
        security: [{}, { client: [] }, { bearer: [] }],
        body: CancelBody,
        response: {
          204: Type.Null(),
          ...errorResponses('invalid_challenge', 'invalid_client', 'invalid_token'),
        },
      },
    },
    async (request, reply) => {
      const { challenge_token: challengeToken } = request.body
      await cancelChallenge(deps, answeringOf(request), challengeToken)
      return reply.code(204).send(null)
    },
  )
}
