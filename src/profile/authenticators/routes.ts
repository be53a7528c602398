// The account’s own second factors over HTTP: rename, remove, do without, recovery codes. This folder owns what an
// account does with its authenticators; `policy/` decides whether it must have one.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { readRecoveryCodeCount } from '../../authenticators/recovery-codes/store.ts'
import { accountCallerOf, changeCallerOf, ownRoute, settingsCallerOf } from '../../callers/guard-account.ts'
import type { Deps } from '../../deps.ts'
import { KEEP_OTHER_SESSIONS, otherSessionsOf } from '../../sessions/schemas.ts'
import { errorResponses, Nullable, Strict, Timestamp, Uuid } from '../../wire/schemas.ts'
import { admitNoBody } from '../../wire/validation.ts'
import { disableSecondFactor } from './disable-second-factor.ts'
import { regenerateRecoveryCodes } from './regenerate-recovery-codes.ts'
import { removeAuthenticator } from './remove-authenticator.ts'
import { renameAuthenticator } from './rename-authenticator.ts'
import { AuthenticatorItem, DisableBody, Name, RecoveryCodes, toAuthenticatorItem } from './schemas.ts'

const AUTHENTICATOR = '/v1/me/authenticators/:id'

const Id = Strict({ id: Uuid })

export const secondFactorRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.get(
    '/v1/me/recovery-codes',
    {
      schema: {
        ...ownRoute('Count the unused recovery codes'),
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
      const { account } = accountCallerOf(request)
      const { remaining, generatedAt } = await readRecoveryCodeCount(deps, account.id)
      return { remaining, generated_at: generatedAt?.toISOString() ?? null }
    },
  )
}

export const disableRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.post(
    '/v1/me/second-factor/disable',
    {
      schema: {
        ...ownRoute('Do without a second factor'),
        description:
          'Where the policy allows it. Removes every authenticator and recovery code. Ends pending challenges, and ' +
          'the other sessions unless they are to be kept. A password of fewer than 15 characters is changed first. A malformed code spends no attempt.',
        body: DisableBody,
        response: {
          204: Type.Null(),
          ...errorResponses(
            'invalid_token',
            'access_denied',
            'policy_violation',
            'conflict',
            'not_found',
            'weak_password',
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
      const { password } = request.body
      const answer = { password, method, code, others: otherSessionsOf(request.body) }
      await disableSecondFactor(deps, settingsCallerOf(request), answer)
      return reply.code(204).send(null)
    },
  )
}

export const secondFactorChangeRoutes: FastifyPluginAsyncTypebox<{ deps: Deps }> = async (app, { deps }) => {
  app.patch(
    AUTHENTICATOR,
    {
      schema: {
        ...ownRoute('Rename an authenticator'),
        params: Id,
        body: Strict({ name: Name }, { examples: [{ name: 'Work phone' }] }),
        response: {
          200: AuthenticatorItem,
          ...errorResponses(
            'invalid_token',
            'access_denied',
            'account_locked',
            'insufficient_user_authentication',
            'not_found',
          ),
        },
      },
    },
    async (request) => {
      const change = { authenticatorId: request.params.id, name: request.body.name }
      return toAuthenticatorItem(await renameAuthenticator(deps, changeCallerOf(request), change))
    },
  )

  app.delete(
    AUTHENTICATOR,
    {
      schema: {
        ...ownRoute('Remove an authenticator'),
        description:
          'Not the last one where the policy requires one, or where the password is not known to have 15 characters: ' +
          'choose one that has, or, where it does have them, sign in again with it or use ' +
          '`/v1/me/second-factor/disable`, which asks for it. With the last one go the recovery codes. Ends pending ' +
          'challenges, and the other sessions unless they are to be kept.',
        params: Id,
        querystring: Strict(KEEP_OTHER_SESSIONS),
        response: {
          204: Type.Null(),
          ...errorResponses(
            'invalid_token',
            'access_denied',
            'account_locked',
            'insufficient_user_authentication',
            'not_found',
            'policy_violation',
            'weak_password',
          ),
        },
      },
    },
    async (request, reply) => {
      const removed = { authenticatorId: request.params.id, others: otherSessionsOf(request.query) }
      await removeAuthenticator(deps, changeCallerOf(request), removed)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/v1/me/recovery-codes',
    {
      preValidation: admitNoBody,
      schema: {
        ...ownRoute('Make a new set of recovery codes'),
        description:
          'Shown by this answer and never again; the old set is void. Ends pending challenges, and the other ' +
          'sessions unless they are to be kept.',
        body: Strict(KEEP_OTHER_SESSIONS),
        response: {
          201: Type.Object({ recovery_codes: RecoveryCodes }),
          ...errorResponses(
            'invalid_token',
            'access_denied',
            'account_locked',
            'insufficient_user_authentication',
            'conflict',
          ),
        },
      },
    },
    async (request, reply) => {
      const codes = await regenerateRecoveryCodes(
        deps,
        changeCallerOf(request),
        otherSessionsOf(request.body),
      )
      return reply.code(201).send({ recovery_codes: codes })
    },
  )
}
