// The account's own second factors over HTTP. This folder owns authenticators and recovery codes: enrolled,
// confirmed, matched, renamed, removed. Whether one must be had is the policy's; the pending step, the
// challenges'.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { refuseMisshapen } from '../../authenticators/code.ts'
import { findAuthenticators } from '../../authenticators/own-authenticator-store.ts'
import { readRecoveryCodeCount } from '../../authenticators/recovery-codes/store.ts'
import { authenticateAccount } from '../../callers/authenticate-account.ts'
import { authenticateEnrollee } from '../../callers/authenticate-enrollee.ts'
import { originOf } from '../../callers/request-origin.ts'
import type { Deps } from '../../deps.ts'
import { errorResponses, Nullable, Page, Strict, Timestamp, Uuid } from '../../wire/schemas.ts'
import { admitNoBody } from '../../wire/validation.ts'
import { beginTotpEnrollment } from './begin-totp-enrollment.ts'
import { confirmAuthenticator } from './confirm-authenticator.ts'
import { disableSecondFactor } from './disable-second-factor.ts'
import { regenerateRecoveryCodes } from './regenerate-recovery-codes.ts'
import { removeAuthenticator } from './remove-authenticator.ts'
import { renameAuthenticator } from './rename-authenticator.ts'
import {
  AuthenticatorItem,
  BegunEnrollmentItem,
  ConfirmBody,
  ConfirmedItem,
  DisableBody,
  Name,
  RecoveryCodes,
  toAuthenticatorItem,
} from './schemas.ts'

const BASE = '/v1/me/authenticators'

const Id = Type.Object({ id: Uuid })

const own = (summary: string) => ({ tags: ['The account’s own'], security: [{ bearer: [] }], summary })

/** An enrollment token opens it too. */
const enrolling = (summary: string) => ({ ...own(summary), security: [{ bearer: [] }, { enrollment: [] }] })

export const authenticatorRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
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
      const now = deps.clock()
      const { account } = await authenticateEnrollee(deps, request.headers.authorization, now)
      const items = await findAuthenticators(deps, account.id, now)
      return { items: items.map(toAuthenticatorItem), next_cursor: null }
    },
  )

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
            'invalid_enrollment',
            'insufficient_user_authentication',
            'conflict',
          ),
        },
      },
    },
    async (request, reply) => {
      const now = deps.clock()
      const enrollee = await authenticateEnrollee(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: enrollee.account.id })
      const begun = await beginTotpEnrollment(deps, origin, enrollee, request.body.name)
      return reply.code(201).send(begun)
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
          'A malformed code spends no attempt.',
        params: Id,
        body: ConfirmBody,
        response: {
          200: ConfirmedItem,
          ...errorResponses(
            'invalid_token',
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
      const now = deps.clock()
      const enrollee = await authenticateEnrollee(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: enrollee.account.id })
      const answer = { authenticatorId: request.params.id, code: request.body.code }
      const { authenticator, recoveryCodes, tokens } = await confirmAuthenticator(
        deps,
        origin,
        enrollee,
        answer,
      )
      return {
        authenticator: toAuthenticatorItem(authenticator),
        ...(recoveryCodes && { recovery_codes: recoveryCodes }),
        ...(tokens && { status: 'authenticated' as const, ...tokens }),
      }
    },
  )

  app.patch(
    `${BASE}/:id`,
    {
      schema: {
        ...own('Rename an authenticator'),
        params: Id,
        body: Strict({ name: Name }, { examples: [{ name: 'Work phone' }] }),
        response: {
          200: AuthenticatorItem,
          ...errorResponses('invalid_token', 'insufficient_user_authentication', 'not_found'),
        },
      },
    },
    async (request) => {
      const now = deps.clock()
      const caller = await authenticateAccount(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: caller.account.id })
      const change = { authenticatorId: request.params.id, name: request.body.name }
      return toAuthenticatorItem(await renameAuthenticator(deps, origin, caller, change))
    },
  )

  app.delete(
    `${BASE}/:id`,
    {
      schema: {
        ...own('Remove an authenticator'),
        description:
          'Not the last one where the policy requires one. With the last one go the recovery codes. Ends ' +
          'pending challenges; `DELETE /v1/me/sessions` ends the other sessions too.',
        params: Id,
        response: {
          204: Type.Null(),
          ...errorResponses(
            'invalid_token',
            'insufficient_user_authentication',
            'not_found',
            'policy_violation',
          ),
        },
      },
    },
    async (request, reply) => {
      const now = deps.clock()
      const caller = await authenticateAccount(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: caller.account.id })
      await removeAuthenticator(deps, origin, caller, request.params.id)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/v1/me/recovery-codes',
    {
      schema: {
        ...own('Count the unused recovery codes'),
        response: {
          200: Type.Object({
            remaining: Type.Integer({ examples: [8] }),
            generated_at: Nullable(Timestamp),
          }),
          ...errorResponses('invalid_token'),
        },
      },
    },
    async (request) => {
      const { account } = await authenticateAccount(deps, request.headers.authorization, deps.clock())
      const { remaining, generatedAt } = await readRecoveryCodeCount(deps, account.id)
      return { remaining, generated_at: generatedAt?.toISOString() ?? null }
    },
  )

  app.post(
    '/v1/me/recovery-codes',
    {
      schema: {
        ...own('Make a new set of recovery codes'),
        description: 'Shown by this answer and never again; the old set is void.',
        response: {
          201: Type.Object({ recovery_codes: RecoveryCodes }),
          ...errorResponses('invalid_token', 'insufficient_user_authentication', 'conflict'),
        },
      },
    },
    async (request, reply) => {
      const now = deps.clock()
      const caller = await authenticateAccount(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: caller.account.id })
      const codes = await regenerateRecoveryCodes(deps, origin, caller)
      return reply.code(201).send({ recovery_codes: codes })
    },
  )

  app.post(
    '/v1/me/second-factor/disable',
    {
      schema: {
        ...own('Do without a second factor'),
        description:
          'Where the policy allows it. Removes every authenticator and recovery code, and ends the other ' +
          'sessions. A malformed code spends no attempt.',
        body: DisableBody,
        response: {
          204: Type.Null(),
          ...errorResponses(
            'invalid_token',
            'policy_violation',
            'conflict',
            'not_found',
            'invalid_credentials',
            'invalid_code',
            'too_many_attempts',
            'account_locked',
          ),
        },
      },
    },
    async (request, reply) => {
      const { method, code } = request.body
      refuseMisshapen(method, code)
      const now = deps.clock()
      const caller = await authenticateAccount(deps, request.headers.authorization, now)
      const origin = originOf(request, now, { type: 'account', id: caller.account.id })
      await disableSecondFactor(deps, origin, caller, request.body)
      return reply.code(204).send(null)
    },
  )
}
