// Enrolling an authenticator over HTTP: list, begin, confirm. These routes take an enrollment token, too.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { findAuthenticators } from '../../authenticators/own-authenticator-store.ts'
import { enrolleeOf, enrollingOf, ownRoute } from '../../callers/guard-account.ts'
import type { Deps } from '../../deps.ts'
import { newSession } from '../../sessions/new-session.ts'
import { otherSessionsOf } from '../../sessions/schemas.ts'
import { issueTokens } from '../../sign-in/issue-tokens.ts'
import { errorResponses, Page, Strict, Uuid } from '../../wire/schemas.ts'
import { admitNoBody } from '../../wire/validation.ts'
import { beginTotpEnrollment } from './begin-totp-enrollment.ts'
import { confirmAuthenticator } from './confirm-authenticator.ts'
import {
  AuthenticatorItem,
  BegunEnrollmentItem,
  ConfirmBody,
  ConfirmedItem,
  Name,
  toAuthenticatorItem,
  toBegunEnrollmentItem,
  toConfirmedItem,
} from './schemas.ts'

const BASE = '/v1/me/authenticators'

const enrolling = (summary: string) => ({
  ...ownRoute(summary),
  security: [{ bearer: [] }, { enrollment: [] }],
})

export const enrolledRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    BASE,
    {
      schema: {
        ...enrolling('List authenticators'),
        description: 'Never a secret. With an enrollment token: what it has begun.',
        response: { 200: Page(AuthenticatorItem), ...errorResponses('invalid_token', 'invalid_enrollment') },
      },
    },
    async (request) => {
      const { account, origin } = enrolleeOf(request)
      const items = await findAuthenticators(deps, account.id, origin.now)
      return { items: items.map(toAuthenticatorItem), next_cursor: null }
    },
  )
}

export const enrollmentRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(
    `${BASE}/totp`,
    {
      preValidation: admitNoBody,
      schema: {
        ...enrolling('Begin to enroll an authenticator app'),
        description:
          'The secret is shown by this answer and never again. It counts for nothing until it is confirmed, ' +
          'within 15 minutes.',
        body: Strict({ name: Type.Optional(Name) }, { examples: [{ name: 'Phone' }] }),
        response: {
          201: BegunEnrollmentItem,
          ...errorResponses(
            'invalid_token',
            'access_denied',
            'invalid_enrollment',
            'account_locked',
            'insufficient_user_authentication',
            'conflict',
          ),
        },
      },
    },
    async (request, reply) => {
      const begun = await beginTotpEnrollment(deps, enrollingOf(request), request.body.name)
      return reply.code(201).send(toBegunEnrollmentItem(begun))
    },
  )

  app.post(
    `${BASE}/:id/confirm`,
    {
      schema: {
        ...enrolling('Confirm an authenticator with one of its codes'),
        description:
          'With the first one come recovery codes, shown by this answer and never again, and new tokens: an ' +
          'enrollment token is spent by signing in; a session is replaced, its old id and tokens end. ' +
          'Ends pending challenges, and the other sessions unless they are to be kept. A malformed code spends no ' +
          'attempt.',
        params: Strict({ id: Uuid }),
        body: ConfirmBody,
        response: {
          200: ConfirmedItem,
          ...errorResponses(
            'invalid_token',
            'access_denied',
            'invalid_enrollment',
            'insufficient_user_authentication',
            'invalid_code',
            'not_found',
            'conflict',
            'account_locked',
          ),
        },
      },
    },
    async (request) => {
      const enrollee = enrollingOf(request)
      const { code } = request.body
      const answer = { authenticatorId: request.params.id, code, others: otherSessionsOf(request.body) }
      const confirmed = await confirmAuthenticator(deps, enrollee, answer, newSession)
      const { opened } = confirmed
      return toConfirmedItem(confirmed, opened && issueTokens(deps, opened, deps.clock()))
    },
  )
}
